/** The soak's own clock, monotonic whatever the machine's wall clock does. */
export function now(): number {
  return Math.round((performance.timeOrigin + performance.now()) * 10) / 10;
}
