/** Capped exponential back-off with full jitter. @param random from 0 up to 1 */
export function backoffMs(by: {
  tries: number;
  backoffBaseMs: number;
  backoffCapMs: number;
  random: number;
}): number {
  const ceiling = Math.min(by.backoffCapMs, by.backoffBaseMs * 2 ** Math.min(by.tries, 30));
  return Math.ceil(by.random * ceiling);
}
