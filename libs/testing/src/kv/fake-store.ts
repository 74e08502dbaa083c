import type { KvEntry, KvOp, OpResult } from '@plumbline/registry';

/**
 * Consul's key-value store in memory, as far as its answers can be told apart from outside: one rising index for all
 * keys of a transaction, an equal rewrite that keeps the index, a delete by index of a missing key that succeeds, a
 * conflict that names every operation that failed.
 */
export interface Stored {
  readonly value: string;
  readonly index: number;
}

const FIRST_INDEX = 10;

export type TransactionResult =
  { readonly results: readonly OpResult[] } | { readonly failed: readonly number[] };

/** What a snapshot of the store holds. */
export interface StoreSnapshot {
  readonly entries: ReadonlyMap<string, Stored>;
  readonly index: number;
}

export class FakeStore {
  /** Told of each key that is written or, with null, deleted, when it is. */
  onPut: ((key: string, value: string | null) => void) | null = null;
  #entries = new Map<string, Stored>();
  #sorted: string[] = [];
  /** As in a young Consul, whose own entries come first. */
  #index = FIRST_INDEX;
  /** Of each key that is gone, when indexes are counted by key: one does not come back. */
  #gone = new Map<string, number>();
  /** What was asked for since the last change: the same is asked for again and again. */
  #trees = new Map<string, readonly KvEntry[]>();
  #isShared = false;

  /**
   * @param counts what an index counts: of all keys together, as in Consul, or by key. Nobody compares indexes of different
   * keys, and whoever compares whole stores wants what happens to one key not to show in another.
   */
  constructor(private readonly counts: 'all keys' | 'each key' = 'all keys') {}

  /** Goes on by itself. What neither has changed since they have in common. */
  copy(): FakeStore {
    const copy = new FakeStore(this.counts);
    copy.#entries = this.#entries;
    copy.#sorted = this.#sorted;
    copy.#index = this.#index;
    copy.#gone = this.#gone;
    copy.#trees = this.#trees;
    copy.#isShared = true;
    this.#isShared = true;
    return copy;
  }

  #becomeOwn(): void {
    this.#trees = new Map();
    if (!this.#isShared) return;
    this.#entries = new Map(this.#entries);
    this.#sorted = [...this.#sorted];
    this.#gone = new Map(this.#gone);
    this.#isShared = false;
  }

  /** What is there; an entry is never changed, but replaced. */
  all(): Iterable<readonly [string, Stored]> {
    return this.#entries;
  }

  #indexOf(key: string, ofAll: number): number {
    if (this.counts === 'all keys') return ofAll;
    return (this.#entries.get(key)?.index ?? this.#gone.get(key) ?? FIRST_INDEX) + 1;
  }

  transact(ops: readonly KvOp[]): TransactionResult {
    const writes = ops.some(({ verb }) => !LOOKS.has(verb));
    const index = writes ? ++this.#index : this.#index;
    const changed = new Map<string, Stored | null>();
    const failed: number[] = [];
    const results = ops.map((op, position) => {
      const stored = changed.has(op.key)
        ? (changed.get(op.key) ?? null)
        : (this.#entries.get(op.key) ?? null);
      const result = apply(op, stored, {
        index: this.#indexOf(op.key, index),
        put: (to) => changed.set(op.key, to),
      });
      if (result === null) failed.push(position);
      return result ?? { index: 0 };
    });
    if (failed.length > 0) return { failed };
    for (const [key, to] of changed) this.#put(key, to);
    return { results };
  }

  #put(key: string, to: Stored | null): void {
    this.#becomeOwn();
    const isThere = this.#entries.has(key);
    if (to !== null && !isThere) this.#sorted.splice(this.#from(key), 0, key);
    if (to === null && isThere) this.#sorted.splice(this.#from(key), 1);
    if (to === null && isThere && this.counts === 'each key')
      this.#gone.set(key, this.#entries.get(key)!.index);
    if (to === null) this.#entries.delete(key);
    else this.#entries.set(key, to);
    this.onPut?.(key, to?.value ?? null);
  }

  /** Where the first key stands that is not before this one. */
  #from(key: string): number {
    let low = 0;
    let high = this.#sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#sorted[middle]! < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  tree(prefix: string): readonly KvEntry[] {
    const known = this.#trees.get(prefix);
    if (known !== undefined) return known;
    const tree = this.keys(prefix).map((key) => {
      const { value, index } = this.#entries.get(key)!;
      return { key, value, index };
    });
    this.#trees.set(prefix, tree);
    return tree;
  }

  keys(prefix: string): readonly string[] {
    const from = this.#from(prefix);
    let to = from;
    while (this.#sorted[to]?.startsWith(prefix)) to++;
    return this.#sorted.slice(from, to);
  }

  folders(prefix: string): readonly string[] {
    const within = this.keys(prefix).filter((key) => key.includes('/', prefix.length));
    return [...new Set(within.map((key) => key.slice(0, key.indexOf('/', prefix.length) + 1)))];
  }

  get(key: string): KvEntry | null {
    const stored = this.#entries.get(key);
    return stored === undefined ? null : { key, value: stored.value, index: stored.index };
  }

  snapshot(): StoreSnapshot {
    return { entries: new Map(this.#entries), index: this.#index };
  }

  /** Indexes fall with it, as they do in Consul. */
  restore(snapshot: StoreSnapshot): void {
    this.#becomeOwn();
    this.#entries = new Map(snapshot.entries);
    this.#sorted = [...snapshot.entries.keys()].sort();
    this.#index = snapshot.index;
  }
}

const LOOKS: ReadonlySet<KvOp['verb']> = new Set(['get', 'check-index', 'check-not-exists'] as const);

/** Null: the operation failed. */
function apply(
  op: KvOp,
  stored: Stored | null,
  { index, put }: { index: number; put: (to: Stored | null) => void },
): OpResult | null {
  switch (op.verb) {
    case 'set':
      return write(op.value, stored, { index, put });
    case 'cas':
      return (stored?.index ?? 0) === op.index ? write(op.value, stored, { index, put }) : null;
    case 'delete':
      put(null);
      return { index: 0 };
    case 'delete-cas':
      if (stored !== null && stored.index !== op.index) return null;
      put(null);
      return { index: 0 };
    case 'check-index':
      return stored !== null && stored.index === op.index ? { index: stored.index } : null;
    case 'check-not-exists':
      return stored === null ? { index: 0 } : null;
    case 'get':
      return stored === null ? null : { index: stored.index, value: stored.value };
  }
}

function write(
  value: string,
  stored: Stored | null,
  { index, put }: { index: number; put: (to: Stored) => void },
): OpResult {
  if (stored?.value === value) return { index: stored.index };
  put({ value, index });
  return { index };
}
