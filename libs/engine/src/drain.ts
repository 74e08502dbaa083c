/**
 * The way of what is owed into the journal: record a batch, then remove its keys from the registry. A crash between the
 * two records the batch again, which changes nothing. No lane and no attempt: workers that drain at once do the same.
 */
import { InvariantError } from '@plumbline/domain';
import type { OwedFact } from '@plumbline/domain';

/** A fact with its key in the registry: written once by a commit, never changed. */
export interface OwedEntry {
  readonly key: string;
  readonly fact: OwedFact;
}

export interface OwedPages {
  /** The next owed facts in the order of their keys, from behind `after` on; empty: that is all. */
  page(after: string | null): Promise<readonly OwedEntry[]>;
  record(facts: readonly OwedFact[]): Promise<void>;
  /** Removes these keys. One that is gone already is no error: another worker was here. */
  remove(entries: readonly OwedEntry[]): Promise<void>;
}

export interface DrainReport {
  readonly recorded: number;
  /** What can never be recorded. It stays owed, for a person, and holds nothing else up. */
  readonly refused: readonly { readonly entry: OwedEntry; readonly error: InvariantError }[];
  /** Whether the end was reached; if not, ring again. */
  readonly ended: boolean;
}

/** Pages in one call, so that a job ends. */
const PAGES_MAX = 1_000;
/** So many facts that can never be recorded are one mistake of ours, not many. */
const REFUSED_MAX = 100;

/**
 * Facts of one volume go in the order of their `rev` within a page; across pages the journal puts them in order.
 * @throws whatever `page`, `record` or `remove` threw, but for facts that are refused one by one.
 */
export async function drainOwed(pages: OwedPages, options: { batchMax: number }): Promise<DrainReport> {
  const refused: { entry: OwedEntry; error: InvariantError }[] = [];
  let recorded = 0;
  let after: string | null = null;
  for (let read = 0; read < PAGES_MAX; read += 1) {
    const page: readonly OwedEntry[] = await pages.page(after);
    const last = page.at(-1);
    if (last === undefined) return { recorded, refused, ended: true };
    after = last.key;
    for (const batch of batchesOf([...page].sort(byVolumeAndRev), options.batchMax)) {
      const bad = await settle(pages, batch);
      recorded += batch.length - bad.length;
      refused.push(...bad);
      const [first] = bad;
      if (first !== undefined && refused.length > REFUSED_MAX) throw first.error;
    }
  }
  return { recorded, refused, ended: false };
}

/** Records a batch and removes its keys. A batch that is refused is taken apart: one bad fact must not stop the others. */
async function settle(pages: OwedPages, batch: readonly OwedEntry[]): Promise<DrainReport['refused']> {
  try {
    await pages.record(batch.map(({ fact }) => fact));
  } catch (error) {
    if (!(error instanceof InvariantError)) throw error;
    const [only] = batch;
    if (batch.length === 1 && only !== undefined) return [{ entry: only, error }];
    const half = Math.ceil(batch.length / 2);
    return [...(await settle(pages, batch.slice(0, half))), ...(await settle(pages, batch.slice(half)))];
  }
  await pages.remove(batch);
  return [];
}

function byVolumeAndRev({ fact: a }: OwedEntry, { fact: b }: OwedEntry): number {
  if (a.resource !== b.resource) return a.resource < b.resource ? -1 : 1;
  return a.rev - b.rev;
}

function batchesOf<T>(all: readonly T[], size: number): readonly T[][] {
  const batches: T[][] = [];
  for (let start = 0; start < all.length; start += size) batches.push(all.slice(start, start + size));
  return batches;
}
