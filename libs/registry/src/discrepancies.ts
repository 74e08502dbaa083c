import type { DiscrepancyRecord } from '@plumbline/domain';
import type { Kv } from './kv.js';
import type { Layout } from './layout.js';
import { readPage } from './stores/entries.js';
import type { Listing } from './stores/ports.js';

/** What the scrubber has found and not seen mended: one key for each thing of each facet. */
export class Discrepancies {
  constructor(private readonly by: { kv: Kv; layout: Layout }) {}

  /** @throws Refusal */
  async list(): Promise<readonly DiscrepancyRecord[]> {
    const [entries = []] = await this.by.kv.readTrees([this.by.layout.discrepancies]);
    return entries.map(({ value }) => JSON.parse(value) as DiscrepancyRecord);
  }

  /** @throws Refusal */
  async page(from: number, count: number): Promise<Listing<DiscrepancyRecord>> {
    const { kv, layout } = this.by;
    return await readPage<DiscrepancyRecord>(kv, { prefix: layout.discrepancies, from, count });
  }

  /** @throws Refusal */
  async put(record: DiscrepancyRecord): Promise<void> {
    const key = this.keyOf(record);
    const value = JSON.stringify(record);
    await this.by.kv.transact({
      ops: [{ verb: 'set', key, value }],
      proof: { key, landed: (entry) => entry?.value === value },
    });
  }

  /** @throws Refusal */
  async remove(record: DiscrepancyRecord): Promise<void> {
    const key = this.keyOf(record);
    await this.by.kv.transact({
      ops: [{ verb: 'delete', key }],
      proof: { key, landed: (entry) => entry === null },
    });
  }

  /** A key of one host may be a key of another too. */
  private keyOf({ facet, host, key }: DiscrepancyRecord): string {
    return this.by.layout.discrepancy(facet, host === null ? key : `${host} ${key}`);
  }
}
