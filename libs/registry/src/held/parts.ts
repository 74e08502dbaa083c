import type { AccountId, Turn } from '@plumbline/domain';
import type { Kv, KvEntry } from '../kv.js';
import type { Layout } from '../layout.js';

/** What is read of the registry by those who only look. */
export interface ByRegistry {
  readonly kv: Pick<Kv, 'read' | 'readTrees' | 'keys'>;
  readonly layout: Layout;
}

/** The same at the pace of whoever lists: each answer has its turns. Without one as fast as it comes. */
export function paced<B extends ByRegistry>(by: B, turn: Turn | undefined): B {
  if (turn === undefined) return by;
  const { kv } = by;
  return {
    ...by,
    kv: {
      async read(keys) {
        const entries = await kv.read(keys);
        await turn(keys.length);
        return entries;
      },
      async readTrees(prefixes) {
        const trees = await kv.readTrees(prefixes);
        await turn(trees.reduce((sum, { length }) => sum + length, 0));
        return trees;
      },
      async keys(prefix) {
        const keys = await kv.keys(prefix);
        await turn(keys.length);
        return keys;
      },
    } satisfies ByRegistry['kv'],
  };
}

const HEX = [...'0123456789abcdef'];
/** What no id begins with stands behind all that one does, as strangers' things are listed. */
export const AFTER_ALL = '~';

/** Everything under a prefix that ids follow, a 32nd at a time, so that no answer holds all of it. @throws Refusal */
export async function* inParts({ kv }: Pick<ByRegistry, 'kv'>, prefix: string): AsyncGenerator<KvEntry> {
  for (const first of HEX)
    for (const half of [HEX.slice(0, 8), HEX.slice(8)]) {
      const trees = await kv.readTrees(half.map((second) => `${prefix}${first}${second}`));
      for (const entries of trees) yield* entries;
    }
}

/** The same of the keys alone, a sixteenth at a time. @throws Refusal */
export async function* keysInParts({ kv }: Pick<ByRegistry, 'kv'>, prefix: string): AsyncGenerator<string> {
  for (const first of HEX) yield* await kv.keys(`${prefix}${first}`);
}

/** All accounts that have something, or could have. @throws Refusal */
export async function accountsIn(by: ByRegistry): Promise<readonly AccountId[]> {
  const found = new Set<string>();
  for (const prefix of [by.layout.usage('' as AccountId), by.layout.accounts])
    for await (const key of keysInParts(by, prefix)) found.add(key.slice(prefix.length));
  // Parts of keys that were made of these.
  return [...found].sort() as AccountId[];
}

/** So many at a time. */
export async function* inBunches<T>(items: AsyncIterable<T>, size: number): AsyncGenerator<readonly T[]> {
  let bunch: T[] = [];
  for await (const item of items) {
    bunch.push(item);
    if (bunch.length < size) continue;
    yield bunch;
    bunch = [];
  }
  if (bunch.length > 0) yield bunch;
}
