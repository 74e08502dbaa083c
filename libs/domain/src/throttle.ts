import type { Instant } from './records.js';

/** How a source's queue is throttled, as an operator has set it; null: as its workers are configured. */
export interface Throttle {
  /** No jobs are taken. */
  readonly paused: boolean;
  /** Jobs a second over all workers; nought: as fast as they go. */
  readonly ratePerSecond: number | null;
  /** Jobs at a time of each worker. */
  readonly concurrency: number | null;
  /** Jobs at a time over all workers; nought: as many as they have. */
  readonly concurrencyTotal: number | null;
  /** Who set it so, and when. */
  readonly by: string;
  readonly at: Instant;
}

/** What stands when nobody has set anything. */
export const UNTHROTTLED: Throttle = {
  paused: false,
  ratePerSecond: null,
  concurrency: null,
  concurrencyTotal: null,
  by: 'configuration',
  at: 0,
};
