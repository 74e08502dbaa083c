/** Durations and failures as they come in, up to a bound that is set before the first. */
import type { Measured } from './figures.js';

/** What bounds a run: whichever comes first. */
export interface Effort {
  readonly countMax: number;
  readonly msMax: number;
  readonly inFlight: number;
}

/** Keeps so many operations in flight until time or count is used up, each under a number of its own. */
export async function repeat(
  { countMax, msMax, inFlight }: Effort,
  operation: (n: number) => Promise<string | null>,
): Promise<Measured> {
  const durationsMs = new Float64Array(countMax);
  const failed: Record<string, number> = {};
  const began = performance.now();
  const end = began + msMax;
  let next = 0;
  let done = 0;
  const lane = async (): Promise<void> => {
    while (next < countMax && performance.now() < end) {
      const startedMs = performance.now();
      const failure = await operation(next++);
      if (failure === null) durationsMs[done++] = performance.now() - startedMs;
      else failed[failure] = (failed[failure] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
  return { done, failed, wallMs: performance.now() - began, durationsMs: durationsMs.slice(0, done) };
}
