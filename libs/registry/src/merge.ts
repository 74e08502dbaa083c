import type { KvOp, Transaction } from './kv.js';
import type { OpResult } from './transport.js';

/**
 * Many callers' transactions as one. Pure: which go together, in which order their operations stand, and whose answer
 * is which part of the merged one.
 */

/** Below Consul's 512 KiB a request, which count values in base64 together with the keys. */
export const VALUES_BYTES_MAX = 360 * 1024;
/** A fold becomes a `cas` at most, or a check and a delete; counters and VMs stay far below these bytes. */
const FOLD_OPS = 2;
const FOLD_BYTES = 4 * 1024;

/** How one transaction uses a key. Two transactions go together only if neither can change what the other meets. */
type Use = 'look' | 'set' | 'change' | 'fold';

export interface Sized {
  readonly transaction: Transaction;
  readonly uses: ReadonlyMap<string, Use>;
  readonly ops: number;
  readonly bytes: number;
}

export function sized(transaction: Transaction): Sized {
  const uses = new Map<string, Use>();
  let bytes = 0;
  for (const op of transaction.ops) {
    const use = useOf(op);
    const before = uses.get(op.key);
    uses.set(op.key, before === undefined || before === use ? use : 'change');
    if ('value' in op) bytes += Buffer.byteLength(op.value);
  }
  const folds = transaction.folds ?? [];
  for (const { key } of folds) {
    const before = uses.get(key);
    if (before !== undefined && before !== 'look') {
      throw new TypeError('a transaction both writes and folds one key');
    }
    uses.set(key, 'fold');
  }
  return {
    transaction,
    uses,
    ops: transaction.ops.length + folds.length * FOLD_OPS,
    bytes: bytes + folds.length * FOLD_BYTES,
  };
}

function useOf(op: KvOp): Use {
  if (op.verb === 'get' || op.verb === 'check-index' || op.verb === 'check-not-exists') return 'look';
  return op.verb === 'set' ? 'set' : 'change';
}

/** Looks come before folds; blind writes have no order that anybody could see; folds of a key become one write. */
function goTogether(a: Use, b: Use): boolean {
  if (a === 'change' || b === 'change') return false;
  return a === b || (a !== 'set' && b !== 'set');
}

/** Collects a group up to its bounds. */
export class Group<Caller extends Sized> {
  readonly callers: Caller[] = [];
  readonly #uses = new Map<string, Use>();
  #ops = 0;
  #bytes = 0;

  constructor(private readonly opsMax: number) {}

  get full(): boolean {
    return this.#ops >= this.opsMax;
  }

  /** False: it does not fit, and waits for another group. */
  add(caller: Caller): boolean {
    if (this.#ops + caller.ops > this.opsMax || this.#bytes + caller.bytes > VALUES_BYTES_MAX) return false;
    for (const [key, use] of caller.uses) {
      const other = this.#uses.get(key);
      if (other !== undefined && !goTogether(other, use)) return false;
    }
    for (const [key, use] of caller.uses) this.#uses.set(key, stronger(this.#uses.get(key), use));
    this.#ops += caller.ops;
    this.#bytes += caller.bytes;
    this.callers.push(caller);
    return true;
  }
}

function stronger(a: Use | undefined, b: Use): Use {
  return a === 'fold' ? a : b;
}

/** A folded value that is to be written, and the operations that write it. */
export interface FoldedWrite {
  readonly key: string;
  readonly ops: readonly KvOp[];
}

export interface MergedTransaction<Caller> {
  readonly ops: readonly KvOp[];
  /** Where each caller's operations went, in the order of its own. */
  readonly positions: ReadonlyMap<Caller, readonly number[]>;
  /** The keys of the folds by where their operations went. */
  readonly folds: ReadonlyMap<number, string>;
}

export function merge<Caller extends Pick<Sized, 'transaction' | 'uses'>>(
  guards: readonly KvOp[],
  callers: readonly Caller[],
  folded: readonly FoldedWrite[],
): MergedTransaction<Caller> {
  const ops: KvOp[] = [...guards];
  const positions = new Map<Caller, readonly number[]>();
  const shared = new Map<string, number>();
  for (const caller of callers) {
    const place = (op: KvOp): number =>
      caller.uses.get(op.key) === 'change' ? ops.push(op) - 1 : placeShared(op, ops, shared);
    positions.set(caller, caller.transaction.ops.map(place));
  }
  const folds = new Map<number, string>();
  for (const write of folded) {
    for (const op of write.ops) folds.set(ops.push(op) - 1, write.key);
  }
  return { ops, positions, folds };
}

/** The same check of two callers needs asking once, and of two blind writes to a key the last is the one that shows. */
function placeShared(op: KvOp, ops: KvOp[], shared: Map<string, number>): number {
  const id = sharedAs(op);
  const before = id === null ? undefined : shared.get(id);
  if (before !== undefined) {
    ops[before] = op;
    return before;
  }
  const position = ops.push(op) - 1;
  if (id !== null) shared.set(id, position);
  return position;
}

function sharedAs(op: KvOp): string | null {
  if (op.verb === 'set' || op.verb === 'check-not-exists') return `${op.verb} ${op.key}`;
  return op.verb === 'check-index' ? `${op.verb} ${op.index} ${op.key}` : null;
}

/** The parts of a merged answer that are one caller's. */
export function answerOf(positions: readonly number[], results: readonly OpResult[]): readonly OpResult[] {
  return positions.map((position) => results[position]!);
}

/** The positions among the caller's own operations that failed. */
export function failedOf(positions: readonly number[], failed: ReadonlySet<number>): readonly number[] {
  return positions.flatMap((position, own) => (failed.has(position) ? [own] : []));
}
