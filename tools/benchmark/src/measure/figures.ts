/** What one run of one operation came to. Durations are kept whole, because percentiles of percentiles mean nothing. */
export interface Measured {
  readonly done: number;
  /** Answers that were not what had to come, by what they were. */
  readonly failed: Readonly<Record<string, number>>;
  readonly wallMs: number;
  readonly durationsMs: Float64Array;
}

export interface Figures {
  readonly done: number;
  readonly failed: Readonly<Record<string, number>>;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
}

export function figuresOf({ done, failed, wallMs, durationsMs }: Measured): Figures {
  const sorted = durationsMs.toSorted();
  return {
    done,
    failed,
    perSecond: wallMs === 0 ? 0 : (done * 1_000) / wallMs,
    p50Ms: percentile(sorted, 50),
    p95Ms: percentile(sorted, 95),
    p99Ms: percentile(sorted, 99),
  };
}

/** Of ascending values the smallest that so many per cent do not exceed. */
export function percentile(sorted: Float64Array, percent: number): number {
  const at = Math.ceil((percent / 100) * sorted.length) - 1;
  return sorted[Math.max(0, at)] ?? 0;
}

/** The middle one; of an even number the mean of the middle two. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const half = sorted.length / 2;
  const upper = sorted[Math.floor(half)] ?? 0;
  return Number.isInteger(half) ? ((sorted[half - 1] ?? 0) + upper) / 2 : upper;
}

export function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** How far floors are apart, as a part of the lowest. */
export function spread(values: readonly number[]): number {
  const lowest = Math.min(...values);
  return values.length === 0 || lowest === 0 ? 0 : Math.max(...values) / lowest - 1;
}
