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
  /** Operations that nobody else's can stand for. */
  readonly ownOps: number;
  /** What one operation can say for several callers, with how many operations that is. */
  readonly sharedOps: ReadonlyMap<string, number>;
  readonly bytes: number;
}

export function sized(transaction: Transaction): Sized {
  const { ops, folds = [] } = transaction;
  const uses = new Map<string, Use>();
  let bytes = folds.length * FOLD_BYTES;
  for (const op of ops) {
    const use = useOf(op);
    const before = uses.get(op.key);
    uses.set(op.key, before === undefined || before === use ? use : 'change');
    if ('value' in op) bytes += Buffer.byteLength(op.value);
  }
  for (const { key } of folds) {
    const before = uses.get(key);
    if (before !== undefined && before !== 'look') {
      throw new TypeError('a transaction both writes and folds one key');
    }
    uses.set(key, 'fold');
  }
  const shared = ops.flatMap((op) => sharedAs(op, uses) ?? []);
  const sharedOps = new Map(shared.map((id) => [id, 1]));
  for (const { key } of folds) sharedOps.set(`fold ${key}`, FOLD_OPS);
  return { transaction, uses, ownOps: ops.length - shared.length, sharedOps, bytes };
}

/** Of one transaction alone. */
export function opsOf({ ownOps, sharedOps }: Sized): number {
  return [...sharedOps.values()].reduce((sum, count) => sum + count, ownOps);
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
  readonly #shared = new Set<string>();
  #ops = 0;
  #bytes = 0;

  constructor(private readonly opsMax: number) {}

  get full(): boolean {
    return this.#ops >= this.opsMax;
  }

  /** False: it does not fit, and waits for another group. */
  add(caller: Caller): boolean {
    const ops = this.#opsAdded(caller);
    if (this.#ops + ops > this.opsMax || this.#bytes + caller.bytes > VALUES_BYTES_MAX) return false;
    for (const [key, use] of caller.uses) {
      const other = this.#uses.get(key);
      if (other !== undefined && !goTogether(other, use)) return false;
    }
    for (const [key, use] of caller.uses) this.#uses.set(key, stronger(this.#uses.get(key), use));
    for (const id of caller.sharedOps.keys()) this.#shared.add(id);
    this.#ops += ops;
    this.#bytes += caller.bytes;
    this.callers.push(caller);
    return true;
  }

  /** What others of the group ask already costs nothing more. */
  #opsAdded({ ownOps, sharedOps }: Caller): number {
    let ops = ownOps;
    for (const [id, count] of sharedOps) if (!this.#shared.has(id)) ops += count;
    return ops;
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
    const place = (op: KvOp): number => {
      const id = sharedAs(op, caller.uses);
      const before = id === null ? undefined : shared.get(id);
      const position = before ?? ops.length;
      // Of two blind writes to a key the last is the one that shows.
      ops[position] = op;
      if (id !== null) shared.set(id, position);
      return position;
    };
    positions.set(caller, caller.transaction.ops.map(place));
  }
  const folds = new Map<number, string>();
  for (const write of folded) {
    for (const op of write.ops) folds.set(ops.push(op) - 1, write.key);
  }
  return { ops, positions, folds };
}

/** By what an operation is known that can stand for others like it: a check needs asking once, a blind write doing once. */
function sharedAs(op: KvOp, uses: ReadonlyMap<string, Use>): string | null {
  if (uses.get(op.key) === 'change') return null;
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
