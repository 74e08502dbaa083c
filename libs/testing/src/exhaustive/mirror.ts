import { hash } from 'node:crypto';

/** Those of whom each may stand for the other. */
export const FIRST_CEPH = 'ceph-1';
export const SECOND_CEPH = 'ceph-2';

/** Ids that one of the two has made, by what the other would have made in its place. */
const others = new Map<string, string>();
const own = new Map<string, string>();
const NAMED = /ceph-[12]|[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}/g;

/** The same with the two ceph-workers in each other's place: their names, and all ids that tell of one. */
export function mirrored(text: string): string {
  return text.replace(NAMED, (found) => {
    if (found === FIRST_CEPH) return SECOND_CEPH;
    return found === SECOND_CEPH ? FIRST_CEPH : (others.get(found) ?? found);
  });
}

/** An id that tells of nobody: both would have met the same. */
export function uuidOf(text: string): string {
  const hex = hash('sha1', text);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** An id that a process has made, and that tells of it. */
export function ownUuidOf(text: string): string {
  const made = own.get(text);
  if (made !== undefined) return made;
  const id = uuidOf(text);
  const other = uuidOf(mirrored(text));
  own.set(text, id);
  others.set(id, other).set(other, id);
  return id;
}

export function digest(text: string): string {
  return hash('sha1', text, 'base64');
}

/** A text as it is, and mirrored, each as a number: texts that are long, and asked for again and again. */
export interface Numbered {
  readonly as: number;
  readonly mirrored: number;
}

const numbers = new Map<string, number>();
const known = new Map<string, Numbered>();
const byObject = new WeakMap<object, Numbered>();

/** @param other the same mirrored, when it is not to be had from the text alone */
export function numbered(text: string, other: () => string = () => mirrored(text)): Numbered {
  const found = known.get(text);
  if (found !== undefined) return found;
  const made = { as: numberOf(text), mirrored: numberOf(other()) };
  known.set(text, made);
  return made;
}

/** The same of an object that never changes, and always is told in the same words. */
export function numberedObject(object: object, told: () => string, other?: () => string): Numbered {
  let found = byObject.get(object);
  if (found === undefined) byObject.set(object, (found = numbered(told(), other)));
  return found;
}

function numberOf(text: string): number {
  const number = numbers.get(text) ?? numbers.size;
  numbers.set(text, number);
  return number;
}

export function byNumber(one: number, other: number): number {
  return one - other;
}
