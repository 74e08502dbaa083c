import type { AccountId, Instant, ResourceName } from '@plumbline/domain';
import type { Kv } from './kv.js';
import type { Layout } from './layout.js';
import { readOne } from './stores/entries.js';

/** How much work waits, as the last sweep counted it: for whoever has to refuse more. */
export interface PendingCounts {
  readonly at: Instant;
  /** Unsettled intents of each account that has many, the most first. */
  readonly accounts: Readonly<Record<AccountId, number>>;
  /** Resources of which so much is still owed to a derived source that no more may be added. */
  readonly owedFull: readonly ResourceName[];
}

/** Fewer than this are nobody's concern. */
const ACCOUNT_MIN = 100;
const ACCOUNTS_MAX = 1000;
const OWED_FULL_MAX = 1000;

/** Counted by one process, read by all that admit: a counter in each admission would cost every request. */
export class PendingWork {
  constructor(private readonly by: { kv: Kv; layout: Layout }) {}

  /** @throws Refusal when the registry cannot be asked */
  async read(): Promise<PendingCounts | null> {
    return await readOne<PendingCounts>(this.by.kv, this.by.layout.scrub('pending'));
  }

  /** At every count, also of nothing: that it was counted is what readers need to know. @throws Refusal */
  async publish(counted: {
    readonly at: Instant;
    readonly accounts: ReadonlyMap<AccountId, number>;
    readonly owedFull: readonly ResourceName[];
  }): Promise<void> {
    const many = [...counted.accounts]
      .filter(([, count]) => count >= ACCOUNT_MIN)
      .sort(([, one], [, other]) => other - one)
      .slice(0, ACCOUNTS_MAX);
    const owedFull = counted.owedFull.slice(0, OWED_FULL_MAX);
    const key = this.by.layout.scrub('pending');
    const value = JSON.stringify({ at: counted.at, accounts: Object.fromEntries(many), owedFull });
    await this.by.kv.transact({
      ops: [{ verb: 'set', key, value }],
      proof: { key, landed: (entry) => entry?.value === value },
    });
  }
}
