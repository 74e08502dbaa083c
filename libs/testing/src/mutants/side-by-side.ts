import { availableParallelism } from 'node:os';

/** Does something with each item, as many at a time as there are cores, and returns what came of each, in their order. */
export async function sideBySide<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<readonly Result[]> {
  const results = new Map<number, Result>();
  const waiting = [...items.entries()];
  const row = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift())
      results.set(next[0], await work(next[1]));
  };
  await Promise.all(Array.from({ length: availableParallelism() }, row));
  return items.flatMap((_, at) => results.get(at) ?? []);
}
