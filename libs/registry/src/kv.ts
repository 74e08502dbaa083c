/**
 * The part of Consul's key-value store that Plumbline uses, as an interface: production speaks to Consul through the
 * group commit, tests and the simulation to a store in memory with the same manners.
 */
export type KvOp =
  | { readonly verb: 'set'; readonly key: string; readonly value: string }
  /** Index 0: the key must not exist. */
  | { readonly verb: 'cas'; readonly key: string; readonly value: string; readonly index: number }
  | { readonly verb: 'delete'; readonly key: string }
  /** Succeeds on a missing key: put a `check-index` before it. */
  | { readonly verb: 'delete-cas'; readonly key: string; readonly index: number }
  | { readonly verb: 'check-index'; readonly key: string; readonly index: number }
  | { readonly verb: 'check-not-exists'; readonly key: string }
  /** Fails the transaction when the key is missing; answers what stands after the operations before it. */
  | { readonly verb: 'get'; readonly key: string };

export interface KvEntry {
  readonly key: string;
  readonly value: string;
  /** Consul's ModifyIndex. Serves for checks only: it does not rise when a value is rewritten unchanged. */
  readonly index: number;
}

/**
 * A change of a value that many share, such as an account's counters, as a pure function: when only such values are in
 * conflict they are read and folded again, and nobody is refused. Null stands for a missing key, on either side.
 * @throws Refusal which then reaches this caller alone.
 */
export interface Fold {
  readonly key: string;
  readonly fold: (value: string | null) => string | null;
}

export interface Transaction {
  readonly ops: readonly KvOp[];
  readonly folds?: readonly Fold[];
  /** How to tell afterwards whether it landed, when the answer was lost: what `key` holds then. */
  readonly proof: { readonly key: string; readonly landed: (entry: KvEntry | null) => boolean };
}

/**
 * Committed: the new index of each operation's key (0 where the key is gone), in the order of `ops`; `value` for the
 * `get`s. Conflict: nothing was written; the positions in `ops` that failed.
 */
export type TransactionOutcome =
  | { readonly committed: readonly { readonly index: number; readonly value?: string }[] }
  | { readonly conflict: readonly number[] };

export interface Kv {
  /**
   * All or nothing. Also checks that this process's boot is alive and that there is no halt.
   * @throws Refusal what a fold threw; `service_unavailable` with reason `unavailable` (definitely nothing happened),
   * `halted`, or `outcome_unknown` (it may land later).
   */
  transact(transaction: Transaction): Promise<TransactionOutcome>;
  /**
   * The keys as they stood at one instant after this call, in their order; null for a missing one. Shares its round
   * trip with reads that were asked before it was sent, never with one sent earlier. No key may be a prefix of another.
   * @throws Refusal `service_unavailable`
   */
  read(keys: readonly string[]): Promise<readonly (KvEntry | null)[]>;
  /** Everything under each prefix at one instant, sorted by key. For short listings: all of it is in one answer. */
  readTrees(prefixes: readonly string[]): Promise<readonly (readonly KvEntry[])[]>;
  /** Keys under a prefix, sorted. */
  keys(prefix: string): Promise<readonly string[]>;
  /** What such keys have up to the next slash, with it, each once: folders. Keys that stand in none are not told. */
  folders(prefix: string): Promise<readonly string[]>;
}
