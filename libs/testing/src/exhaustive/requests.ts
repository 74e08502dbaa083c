/** What requests to the registry are called, and what may be told of their answers. */
import { hash } from 'node:crypto';
import type { FakeRequest } from '../kv/fake-consul.js';
import type { Ground } from './ground.js';
import type { Versions } from './versions.js';

/** What a look at a lane reads; whatever else is read serves a write. */
const LOOKED_AT = /^plumbline\/(lanes|volumes|tombstones|owners)\//;

/** What a request is called, by its object: the name of a write costs a hash, and is asked for several times. */
const names = new WeakMap<FakeRequest, string>();

export function nameOf({ versions }: Ground, request: FakeRequest): string {
  const name = names.get(request) ?? namedAnew(versions, request);
  names.set(request, name);
  return name;
}

function namedAnew(versions: Versions, request: FakeRequest): string {
  if (request.what === 'keys') return `keys ${request.prefix}`;
  if (request.what === 'read') return `read ${request.prefixes.join(' ')}`;
  const ops = request.ops.map(({ verb, key }) => `${verb} ${key.slice('plumbline/'.length)}`).join(', ');
  const told = request.ops.map((op) =>
    'index' in op ? { ...op, index: versions.at(op.key, op.index) } : op,
  );
  return `write ${ops} #${digest(JSON.stringify(told)).slice(0, 12)}`;
}

/** What the answer to a question is made of: where the store is now decides it, though it is told later. */
export function answerTo(
  { consul: { store }, versions }: Ground,
  request: Exclude<FakeRequest, { what: 'transact' }>,
): string {
  if (request.what === 'keys') return JSON.stringify(store.keys(request.prefix));
  return JSON.stringify(
    request.prefixes.map((prefix) => store.tree(prefix).map((entry) => versions.of(entry))),
  );
}

export function isLook(request: FakeRequest): boolean {
  return request.what === 'read' && request.prefixes.includes('plumbline/boots/');
}

export function passes(request: FakeRequest): boolean {
  return request.what === 'read' && request.prefixes.every((prefix) => LOOKED_AT.test(prefix));
}

export function digest(text: string): string {
  return hash('sha1', text);
}
