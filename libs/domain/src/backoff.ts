/**
 * How long to wait before the next try: anything between nothing and a bound that doubles with each failed try, up to a
 * cap. Full jitter, because those who failed together must not come back together.
 * @param tries failed tries so far, at least one
 * @param random a number from 0 to 1, as a source of chance gives it
 */
export function backoffMs({
  tries,
  baseMs,
  capMs,
  random,
}: {
  tries: number;
  baseMs: number;
  capMs: number;
  random: () => number;
}): number {
  const doublings = Math.min(Math.max(tries - 1, 0), DOUBLINGS_MAX);
  return Math.round(Math.min(capMs, baseMs * 2 ** doublings) * random());
}

/** Beyond this the bound is above any cap; unbounded, the power would end as infinity times nought. */
const DOUBLINGS_MAX = 40;
