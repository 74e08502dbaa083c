import type { AccountId, ActionNumber, BootId, IntentId, RegionSlug, ResourceName } from './ids.js';
import type { Json } from './json.js';
import type { ParkReason } from './parking.js';
import type { ResolvedPlan } from './plan.js';
import type { Instant } from './records.js';

/** A resource's unsettled intents, in order. Its head holds the claim. */
export interface Lane {
  readonly resource: ResourceName;
  readonly account: AccountId;
  readonly entries: readonly LaneEntry[];
}

/** How many intents may wait in one lane; one more is answered 429. */
export const LANE_ENTRIES_MAX = 16;
export const LANE_BYTES_MAX = 256 * 1024;
export const PARAMS_BYTES_MAX = 8 * 1024;

export interface LaneEntry {
  readonly intent: IntentId;
  readonly kind: string;
  readonly params: Json;
  readonly account: AccountId;
  readonly region: RegionSlug;
  readonly action: ActionNumber;
  readonly requestId: string;
  readonly recordedAt: Instant;
  /** Whose turn it is; null: nobody's, the turn was given back. */
  readonly attempt: Attempt | null;
  /** Attempts so far. */
  readonly turns: number;
  /** Failed tries of the present step; nought again when it is done. */
  readonly tries: number;
  /** Before this nobody tries it again, however often the lane is rung; absent: it has not failed. */
  readonly retryAt?: Instant;
  readonly plan: ResolvedPlan | null;
  readonly ledger: readonly LedgerEntry[];
  /** Why its `prepare` is being undone; null: it is being carried out. */
  readonly undoing: string | null;
  /** Set by the commit: what is left is `finish`. */
  readonly committed: { readonly rev: number; readonly at: Instant } | null;
  readonly parked: Parked | null;
}

/** One boot's turn at the head intent. The nonce alone says whose turn it is. */
export interface Attempt {
  readonly boot: BootId;
  readonly nonce: string;
  readonly turn: number;
}

export type LedgerStage = 'prepare' | 'finish';

/**
 * Append-only. `started` is written before the world is touched, with what stood before; `done` with what was seen
 * after; `undone` when a build was taken back. `lost`: it cannot be taken away by hand, or it is gone and nobody of ours
 * saw it go; what counts from then on is that its client is fenced.
 */
export interface LedgerEntry {
  readonly stage: LedgerStage;
  readonly step: number;
  readonly what: 'started' | 'done' | 'undone' | 'lost';
  readonly turn: number;
  readonly at: Instant;
  readonly seen: Json;
  /** An operator's word in place of a look: the step is left as it was last seen. */
  readonly accepted?: { readonly by: string; readonly reason: string };
}

export interface Parked {
  readonly reason: ParkReason;
  readonly detail: string;
  readonly at: Instant;
}
