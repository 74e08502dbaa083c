import type { KvEntry, KvOp } from './kv.js';

/** Consul's own limit; one more is answered 413. */
export const OPS_MAX = 64;

/**
 * Consul as it is, one request a call, nothing merged and nothing tried again. It is narrow so that the group commit
 * above it meets in tests what it meets in production: a fake of this has all of Consul's manners to show.
 *
 * Every call has a deadline of its own.
 * @throws TransientError it never arrived (connection refused); UncertainError it may have landed, or may still
 * (time-out, reset, 5xx); RejectedError it was refused as such (4xx).
 */
export interface KvTransport {
  /** All or nothing, in order; later operations see the earlier ones. At most `OPS_MAX`. */
  transact(ops: readonly KvOp[]): Promise<TransactAnswer>;
  /** Everything under each prefix, sorted by key, at one instant after the call. At most `OPS_MAX` prefixes. */
  readTrees(prefixes: readonly string[]): Promise<readonly (readonly KvEntry[])[]>;
  /** Keys under a prefix, sorted. */
  keys(prefix: string): Promise<readonly string[]>;
  /** What such keys have up to the next slash, with it, each once; keys without one are not told. */
  folders(prefix: string): Promise<readonly string[]>;
  close(): void;
}

export interface TransactAnswer {
  /** For each operation its key's index (0 where the answer names none), and the value for a `get`. */
  readonly results?: readonly OpResult[];
  /** Nothing was written: the positions of every operation that failed. */
  readonly failed?: readonly number[];
  /** Consul's clock when it answered, in whole seconds; null when it did not say. */
  readonly dateMs: number | null;
}

export interface OpResult {
  readonly index: number;
  readonly value?: string;
}

/** The key itself, read through a transport: a `get` of a missing key would fail, a tree of it is merely empty. */
export async function readKeys(
  transport: KvTransport,
  keys: readonly string[],
): Promise<readonly (KvEntry | null)[]> {
  const trees = await transport.readTrees(keys);
  return keys.map((key, i) => entryOf(trees[i], key));
}

export function entryOf(tree: readonly KvEntry[] | undefined, key: string): KvEntry | null {
  return tree?.find((entry) => entry.key === key) ?? null;
}
