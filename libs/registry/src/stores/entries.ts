import type { Kv, KvEntry } from '../kv.js';
import type { Guarded, Listing } from './ports.js';

/** Keys that one read may name: more are read in several, each at an instant of its own. */
const KEYS_PER_READ = 60;

export function parseEntry<T>(entry: KvEntry | null | undefined): T | null {
  return entry ? (JSON.parse(entry.value) as T) : null;
}

/** With what must still stand of it when something is written that was judged by it. */
export async function readGuarded<T>(kv: Kv, key: string): Promise<Guarded<T>> {
  const [entry] = await kv.read([key]);
  return { value: parseEntry<T>(entry), guard: { key, index: entry?.index ?? 0 } };
}

export async function readOne<T>(kv: Kv, key: string): Promise<T | null> {
  const [entry] = await kv.read([key]);
  return parseEntry<T>(entry);
}

/** What is there of these keys, in their order. */
export async function readMany<T>(kv: Kv, keys: readonly string[]): Promise<readonly T[]> {
  const reads: Promise<readonly (KvEntry | null)[]>[] = [];
  for (let start = 0; start < keys.length; start += KEYS_PER_READ)
    reads.push(kv.read(keys.slice(start, start + KEYS_PER_READ)));
  const entries = (await Promise.all(reads)).flat();
  return entries.flatMap((entry) => (entry === null ? [] : (JSON.parse(entry.value) as T)));
}

/** Everything under a prefix. For short listings: all of it is in one answer. */
export async function readTree<T>(kv: Kv, prefix: string): Promise<readonly T[]> {
  const [entries = []] = await kv.readTrees([prefix]);
  return entries.map(({ value }) => JSON.parse(value) as T);
}

/** Part of a long listing, in the order of its keys. */
export async function readPage<T>(
  kv: Kv,
  { prefix, from, count }: { prefix: string; from: number; count: number },
): Promise<Listing<T>> {
  const keys = await kv.keys(prefix);
  return { items: await readMany<T>(kv, keys.slice(from, from + count)), total: keys.length };
}
