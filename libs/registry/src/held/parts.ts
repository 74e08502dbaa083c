import type { AccountId, Turn, Usage } from '@plumbline/domain';
import type { Kv, KvEntry } from '../kv.js';
import type { Layout } from '../layout.js';

/** What is read of the registry by those who only look. */
export interface ByRegistry {
  readonly kv: Pick<Kv, 'read' | 'readTrees' | 'keys' | 'folders'>;
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
      async folders(prefix) {
        const folders = await kv.folders(prefix);
        await turn(folders.length);
        return folders;
      },
    } satisfies ByRegistry['kv'],
  };
}

const HEX = [...'0123456789abcdef'];
/** So many volumes are expected in one answer, at most. */
const TOGETHER_MAX = 4_000;
/** More volumes are not expected of one account: it is listed in 256 parts at most. */
const LIKELY_MAX = 1_000_000;
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

/** The same of the keys alone, a sixteenth at a time: for what there is no more of than accounts. @throws Refusal */
async function* keysInParts({ kv }: Pick<ByRegistry, 'kv'>, prefix: string): AsyncGenerator<string> {
  for (const first of HEX) yield* await kv.keys(`${prefix}${first}`);
}

interface Folder {
  readonly path: string;
  /** Volumes in it, by what is counted of its account. */
  readonly count: number;
}

/**
 * Prefixes of everything that stands in folders of accounts, in its order. However many volumes one account has, and however
 * many have few, no answer holds more than so many.
 *
 * @param below the folders within an account's folder that what has random digits stands in
 */
export async function* prefixesByAccount(
  { kv, layout }: ByRegistry,
  root: string,
  below: (folder: string) => Promise<readonly string[]> = (folder) => Promise.resolve([folder]),
): AsyncGenerator<string> {
  for (const first of HEX) {
    const paths = await kv.folders(`${root}${first}`);
    if (paths.length === 0) continue;
    const [usages = []] = await kv.readTrees([layout.usage(first as AccountId)]);
    const counts = new Map(usages.map(({ key, value }) => [key, parsed<Partial<Usage>>(value)?.volumes]));
    const countOf = (path: string): number =>
      likely(counts.get(layout.usage(path.slice(root.length, -1) as AccountId)));
    const folders = paths.map((path) => ({ path, count: countOf(path) }));
    for (const part of inShares(`${root}${first}`, folders)) {
      if (typeof part === 'string') yield part;
      else for (const folder of await below(part.path)) yield* withDigits(folder, part.count);
    }
  }
}

/** Longer prefixes until each stands for no more than so many volumes, or for one account. */
function inShares(prefix: string, folders: readonly Folder[]): readonly (string | Folder)[] {
  const count = folders.reduce((sum, folder) => sum + folder.count, 0);
  if (count <= TOGETHER_MAX) return [prefix];
  const [only] = folders;
  if (only !== undefined && folders.length === 1) return [only];
  const longer = new Set(folders.map(({ path }) => path.slice(0, prefix.length + 1)));
  return [...longer].flatMap((next) =>
    inShares(
      next,
      folders.filter(({ path }) => path.startsWith(next)),
    ),
  );
}

/** A counter that may be wrong, and anything, as no more than a hint how much there is. */
export function likely(counted: unknown): number {
  return typeof counted === 'number' && counted > 0 ? Math.min(counted, LIKELY_MAX) : 0;
}

/** What stands behind `prefix` under random hexadecimal digits, in so many parts that none has too much. */
export function withDigits(prefix: string, count: number): readonly string[] {
  if (count <= TOGETHER_MAX) return [prefix];
  return HEX.flatMap((digit) => withDigits(`${prefix}${digit}`, count / HEX.length));
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

/** What somebody may have written over. */
export function parsed<T>(value: string): T | null {
  try {
    return JSON.parse(value) as T | null;
  } catch {
    return null;
  }
}
