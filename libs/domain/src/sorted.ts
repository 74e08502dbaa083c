/** Things sorted at once. */
const SORTED_AT_ONCE = 8_000;
/** So many times that are gathered before the largest are left for a later scan. */
const GATHERED_SHARE = 1.25;

/**
 * A long listing in another order than the registry keeps it. As much is sorted at once as memory may be used for, the
 * smallest first; of more than that the rest is scanned again, so that a scan is the price of each so many things.
 *
 * @param orderOf different for each thing; asked often
 */
export async function* sorted<T>(
  scan: () => AsyncIterable<T>,
  orderOf: (item: T) => string,
  atOnce = SORTED_AT_ONCE,
): AsyncGenerator<T> {
  const smallest = (items: T[]): T[] =>
    items.sort((one, other) => (orderOf(one) < orderOf(other) ? -1 : 1)).slice(0, atOnce);
  for (let after: string | null = null; ;) {
    let kept: T[] = [];
    /** The largest that is kept, once something had to be left for a later scan. */
    let last = null as string | null;
    const leaveRest = (): void => {
      if (kept.length <= atOnce) return;
      kept = smallest(kept);
      last = orderOf(kept.at(-1)!);
    };
    for await (const item of scan()) {
      const order = orderOf(item);
      if ((after !== null && order <= after) || (last !== null && order > last)) continue;
      kept.push(item);
      if (kept.length >= GATHERED_SHARE * atOnce) leaveRest();
    }
    leaveRest();
    yield* smallest(kept);
    if (last === null) return;
    after = last;
  }
}
