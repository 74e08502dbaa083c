import { Refusal } from '@plumbline/domain';
import type { AccountId, ResourceName } from '@plumbline/domain';
import type { PendingCounts } from '@plumbline/registry';

/** When nobody has counted for this long, nothing is held against anybody: what was admitted since may long have settled. */
const STALE_MS = 60_000;
const RETRY_MS = 5000;

export interface PendingBoundOptions {
  /** Unsettled intents of one account, about. */
  readonly pendingMax: number;
  readonly read: () => Promise<PendingCounts | null>;
  /** Monotonic. */
  readonly nowMs: () => number;
}

/**
 * Bounds how much work waits for one account. What the sweep counted is a few seconds old, so what this process has
 * admitted since is added, and what it admitted in the interval before, for the sweep may have read before that was
 * recorded. With several apis an account may exceed the bound by what the others admit in that time: the bound keeps the
 * registry from being filled, and is no promise to the intent.
 */
export class PendingBound {
  private counts: PendingCounts | null = null;
  private owedFull: ReadonlySet<ResourceName> = new Set();
  private countedMs = 0;
  private since = new Map<AccountId, number>();
  private before = new Map<AccountId, number>();

  constructor(private readonly by: PendingBoundOptions) {
    this.countedMs = by.nowMs();
  }

  /** The largest accounts, as the last sweep counted them. */
  get largest(): readonly { readonly account: string; readonly pending: number }[] {
    return Object.entries(this.counts?.accounts ?? {}).map(([account, pending]) => ({ account, pending }));
  }

  /** To be called again and again. @throws Refusal when the registry cannot be asked: what is known stands for a while. */
  async look(): Promise<void> {
    const counts = await this.by.read();
    if (counts === null || counts.at === this.counts?.at) return;
    this.counts = counts;
    this.owedFull = new Set(counts.owedFull);
    this.countedMs = this.by.nowMs();
    this.before = this.since;
    this.since = new Map();
  }

  /** @throws Refusal when that account, or that volume, has too much waiting. */
  refuse(account: AccountId, resource: ResourceName): void {
    if (this.by.nowMs() - this.countedMs > STALE_MS) return;
    const counted = this.counts?.accounts[account] ?? 0;
    const pending = counted + (this.before.get(account) ?? 0) + (this.since.get(account) ?? 0);
    if (pending >= this.by.pendingMax)
      throw tooMany('Too many operations are waiting for this account.', 'account-full');
    if (this.owedFull.has(resource))
      throw tooMany('Too much of what this volume has been through is not recorded yet.', 'owed-full');
  }

  admitted(account: AccountId): void {
    if (this.by.nowMs() - this.countedMs > STALE_MS) this.since.clear();
    this.since.set(account, (this.since.get(account) ?? 0) + 1);
  }
}

function tooMany(message: string, reason: string): Refusal {
  return new Refusal('too_many_requests', message, { reason, retryAfterMs: RETRY_MS });
}
