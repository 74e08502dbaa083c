import { DISCREPANCY_STATES, Refusal, notFound, parseVolumeId } from '@plumbline/domain';
import type { AnyFacet, DiscrepancyRecord, VolumeId } from '@plumbline/domain';
import { acceptedBy, reopenedBy } from '@plumbline/engine';
import type { Operator } from '@plumbline/engine';
import type { Log } from '@plumbline/platform';
import type { Discrepancies, NamedDiscrepancy } from '@plumbline/registry';
import { parameter } from '../http/paging.js';
import type { Query } from '../http/paging.js';

/** A discrepancy as operators see it: named, and with the section of the documentation that helps. */
export type DiscrepancyShown = DiscrepancyRecord & { readonly id: string; readonly page: string };

export interface DiscrepancyDeskOptions {
  readonly discrepancies: Pick<Discrepancies, 'named' | 'find' | 'change'>;
  readonly facets: readonly AnyFacet[];
  /** The registry's time, as the scrubber reads it. */
  readonly now: () => number;
  readonly log: Log;
}

const CLASSES = ['missing', 'unexpected', 'different'] as const;

/** Where record and sources differ, and what an operator says of it. */
export class DiscrepancyDesk {
  constructor(private readonly by: DiscrepancyDeskOptions) {}

  /** Those that fit all of what the query names. @throws Refusal that names what would be right */
  async matching(query: Query): Promise<readonly DiscrepancyShown[]> {
    const { facets } = this.by;
    const names = facets.map(({ name }) => name);
    const facet = oneOf(query, 'facet', names);
    const sort = oneOf(query, 'class', CLASSES);
    const state = oneOf(query, 'state', DISCREPANCY_STATES);
    const remedy = oneOf(query, 'remedy', remedyNamesOf(facets));
    const volume = volumeOf(query);
    const fits = ({ record }: NamedDiscrepancy): boolean =>
      (facet === null || facet === record.facet) &&
      (sort === null || sort === record.class) &&
      (state === null || state === record.state) &&
      (remedy === null || remedy === record.remedy.name) &&
      (volume === null || volume === record.volume);
    return (await this.by.discrepancies.named()).filter(fits).map(shown);
  }

  async ofVolume(id: VolumeId): Promise<readonly DiscrepancyShown[]> {
    const all = await this.by.discrepancies.named();
    return all.filter(({ record }) => record.volume === id).map(shown);
  }

  /** @throws Refusal `not_found` */
  async one(id: string): Promise<DiscrepancyShown> {
    return shown({ id, record: await this.find(id) });
  }

  /** @throws Refusal `not_found`, or `conflict` with what would be right */
  async accept(id: string, word: Operator & { readonly until: number }): Promise<DiscrepancyShown> {
    return await this.say(id, 'accepted', word, (record) => {
      refuseUnless(record, ['confirmed', 'parked', 'accepted'], 'accepted');
      return acceptedBy(record, { ...word, at: this.by.now() });
    });
  }

  /** @throws Refusal `not_found`, or `conflict` with what would be right */
  async reopen(id: string, word: Operator): Promise<DiscrepancyShown> {
    return await this.say(id, 'reopened', word, (record) => {
      refuseUnless(record, ['parked', 'accepted'], 'reopened');
      return reopenedBy(record, { ...word, at: this.by.now() });
    });
  }

  private async say(
    id: string,
    what: 'accepted' | 'reopened',
    word: Operator,
    edit: (record: DiscrepancyRecord) => DiscrepancyRecord,
  ): Promise<DiscrepancyShown> {
    const before = await this.find(id);
    const record = await this.by.discrepancies.change(before, (now) => {
      if (now === null) throw notFound();
      return edit(now);
    });
    if (record === null) throw notFound();
    const { facet, key, remedy, volume } = record;
    const fields = { discrepancy: id, facet, key, volume, remedy: remedy.name, stateBefore: before.state };
    this.by.log.warn({ ...fields, what, ...word }, 'operator judged a discrepancy');
    return shown({ id, record });
  }

  private async find(id: string): Promise<DiscrepancyRecord> {
    const record = await this.by.discrepancies.find(id);
    if (record === null) throw notFound();
    return record;
  }
}

export function remedyNamesOf(facets: readonly AnyFacet[]): readonly string[] {
  return facets.flatMap(({ remedies }) => remedies.map(({ name }) => name));
}

/** The section of the documentation about what has that remedy. */
function pageOfRemedy(name: string): string {
  return `docs/operating/discrepancies.md#${name}`;
}

/** @throws Refusal `not_found`: nothing else can name a discrepancy */
export function discrepancyIdOf(facet: string, hash: string): string {
  if (!/^[a-z0-9.-]+$/.test(facet) || !/^[0-9a-f]{64}$/.test(hash)) throw notFound();
  return `${facet}/${hash}`;
}

function shown({ id, record }: NamedDiscrepancy): DiscrepancyShown {
  return { id, ...record, page: pageOfRemedy(record.remedy.name) };
}

/** Why a word about it makes no sense now, and what does. */
const INSTEAD: Readonly<Record<DiscrepancyRecord['state'], string>> = {
  'seen-once': 'It was seen once only: wait until it is confirmed, within a pass.',
  confirmed: 'It counts already: accept it, or let it be repaired.',
  repairing: 'An intent is on its way: wait for its end, or help it on if it is parked.',
  repaired: 'It agrees again: nothing is left to be said about it.',
  parked: 'It waits for a person: reopen it, or accept it.',
  accepted: 'It is accepted already: reopen it, or accept it until another time.',
};

function refuseUnless(
  { state }: DiscrepancyRecord,
  right: readonly DiscrepancyRecord['state'][],
  what: string,
): void {
  if (right.includes(state)) return;
  const where = right.map((one) => `"${one}"`).join(' or ');
  const message = `Only what is ${where} can be ${what}, and this is "${state}". ${INSTEAD[state]}`;
  throw new Refusal('conflict', message);
}

function oneOf<T extends string>(query: Query, field: string, known: readonly T[]): T | null {
  const value = parameter(query, field);
  if (value === null) return null;
  const found = known.find((one) => one === value);
  if (found !== undefined) return found;
  throw new Refusal('unprocessable_entity', `${field} must be one of ${known.join(', ')}`, { field });
}

function volumeOf(query: Query): VolumeId | null {
  const value = parameter(query, 'volume');
  if (value === null) return null;
  const volume = parseVolumeId(value);
  if (volume !== null) return volume;
  throw new Refusal('unprocessable_entity', 'volume must be the id of a volume', { field: 'volume' });
}
