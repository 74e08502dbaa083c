import type { OwedFact, SourceName } from '@plumbline/domain';
import type { Kv } from './kv.js';
import type { Layout } from './layout.js';

/** Facts read, and afterwards removed, by one transaction each. */
const BATCH = 50;

export interface OwedEntry {
  readonly key: string;
  readonly fact: OwedFact;
}

/** What a derived source has still to learn. Nothing is lost by learning a fact twice, so a fact goes only when it is learnt. */
export class OwedFacts {
  constructor(private readonly by: { kv: Kv; layout: Layout; source: SourceName }) {}

  /**
   * All that is owed when the walk begins, in batches, each in the order of `rev`. A volume's facts may lie in two
   * batches: across them `rev` alone tells the order.
   * @throws Refusal
   */
  async *batches(): AsyncGenerator<readonly OwedEntry[]> {
    const { kv, layout, source } = this.by;
    const keys = await kv.keys(layout.owedTo(source));
    for (let start = 0; start < keys.length; start += BATCH) {
      const entries = await kv.read(keys.slice(start, start + BATCH));
      const owed = entries.flatMap((entry) =>
        entry === null ? [] : { key: entry.key, fact: JSON.parse(entry.value) as OwedFact },
      );
      if (owed.length > 0) yield owed.sort((one, other) => one.fact.rev - other.fact.rev);
    }
  }

  /** The source has learnt these: at most a batch. @throws Refusal */
  async remove(batch: readonly OwedEntry[]): Promise<void> {
    const last = batch.at(-1);
    if (last === undefined) return;
    await this.by.kv.transact({
      ops: batch.map(({ key }) => ({ verb: 'delete', key }) as const),
      proof: { key: last.key, landed: (entry) => entry === null },
    });
  }
}
