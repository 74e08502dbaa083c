import type { DiscrepancyRecord } from '@plumbline/domain';
import type { Kv } from './kv.js';
import type { Layout } from './layout.js';
import { readOne } from './stores/entries.js';

/** One thing of one facet. A key of one host may be a key of another too. */
type About = Pick<DiscrepancyRecord, 'facet' | 'key' | 'host'>;

/** By the last part of its key: what operators name a discrepancy by. */
export interface NamedDiscrepancy {
  readonly id: string;
  readonly record: DiscrepancyRecord;
}

/** What the scrubber has found: one key for each thing of each facet, some time longer than it is wrong. */
export class Discrepancies {
  constructor(private readonly by: { kv: Kv; layout: Layout }) {}

  /** @throws Refusal */
  async list(): Promise<readonly DiscrepancyRecord[]> {
    return (await this.named()).map(({ record }) => record);
  }

  /** In the order of facets, and of nothing else. @throws Refusal */
  async named(): Promise<readonly NamedDiscrepancy[]> {
    const [entries = []] = await this.by.kv.readTrees([this.by.layout.discrepancies]);
    return entries.map(({ key, value }) => ({
      id: key.slice(this.by.layout.discrepancies.length),
      record: JSON.parse(value) as DiscrepancyRecord,
    }));
  }

  /** @param id as `named` gives it. @throws Refusal */
  async find(id: string): Promise<DiscrepancyRecord | null> {
    return await readOne<DiscrepancyRecord>(this.by.kv, `${this.by.layout.discrepancies}${id}`);
  }

  /**
   * Changes what stands, as it stands when it is written: scrubber and operators may have a word at the same time.
   * @param edit pure; what it throws reaches the caller, and nothing is written
   * @returns what stands now. @throws Refusal
   */
  async change(
    about: About,
    edit: (now: DiscrepancyRecord | null) => DiscrepancyRecord | null,
  ): Promise<DiscrepancyRecord | null> {
    const key = this.keyOf(about);
    let after: DiscrepancyRecord | null = null;
    const written = () => (after === null ? null : JSON.stringify(after));
    await this.by.kv.transact({
      ops: [],
      folds: [
        {
          key,
          fold: (value) => {
            after = edit(value === null ? null : (JSON.parse(value) as DiscrepancyRecord));
            return written();
          },
        },
      ],
      proof: { key, landed: (entry) => (entry?.value ?? null) === written() },
    });
    return after;
  }

  private keyOf({ facet, host, key }: About): string {
    return this.by.layout.discrepancy(facet, host === null ? key : `${host} ${key}`);
  }
}
