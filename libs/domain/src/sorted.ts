/** Things sorted at once: a few hundred bytes each. */
const SORTED_AT_ONCE = 50_000;

/**
 * A long listing in another order than the registry keeps it. As much is sorted at once as memory may be used for, the
 * smallest first; of more than that the rest is scanned again, so that a scan is the price of each so many things.
 *
 * @param orderOf different for each thing
 */
export async function* sorted<T>(
  scan: () => AsyncIterable<T>,
  orderOf: (item: T) => string,
  atOnce = SORTED_AT_ONCE,
): AsyncGenerator<T> {
  for (let after: string | null = null; ;) {
    let kept: { order: string; item: T }[] = [];
    let isCut = false;
    for await (const item of scan()) {
      const order = orderOf(item);
      if (after !== null && order <= after) continue;
      kept.push({ order, item });
      if (kept.length < 2 * atOnce) continue;
      kept = smallest(kept, atOnce);
      isCut = true;
    }
    isCut ||= kept.length > atOnce;
    kept = smallest(kept, atOnce);
    for (const { item } of kept) yield item;
    if (!isCut) return;
    after = kept.at(-1)?.order ?? after;
  }
}

function smallest<T extends { readonly order: string }>(items: T[], count: number): T[] {
  return items.sort((one, other) => (one.order < other.order ? -1 : 1)).slice(0, count);
}
