import type { Fold, KvEntry, KvOp } from './kv.js';
import type { FoldedWrite } from './merge.js';

/**
 * Values that many share, as this process last knew them. What is known may be out of date: a write that is built on it
 * carries its index and is refused by Consul, and a refusal that is built on it is not believed before it was read anew.
 */
export interface KnownValue {
  readonly value: string | null;
  readonly index: number;
  /** The number of the request that brought it. */
  readonly asOf: number;
}

export class KnownValues {
  readonly #values = new Map<string, KnownValue>();

  constructor(private readonly entriesMax: number) {}

  get(key: string): KnownValue | undefined {
    return this.#values.get(key);
  }

  put(key: string, known: KnownValue): void {
    this.#values.delete(key);
    this.#values.set(key, known);
    if (this.#values.size > this.entriesMax) this.forget(this.#values.keys().next().value!);
  }

  putEntry(key: string, entry: KvEntry | null, asOf: number): void {
    this.put(key, { value: entry?.value ?? null, index: entry?.index ?? 0, asOf });
  }

  forget(key: string): void {
    this.#values.delete(key);
  }
}

export interface Folding {
  readonly folds: readonly Fold[];
  /** The number of the last request that was sent before this caller came. */
  readonly cameAfter: number;
}

export interface Folded<Caller> {
  readonly accepted: readonly Caller[];
  readonly refused: readonly { readonly caller: Caller; readonly error: unknown }[];
  /** Refused only on top of what others of this group want: true or not, the next group will tell. */
  readonly postponed: readonly Caller[];
  /** Somebody would be refused by what was known before it came. */
  readonly stale: ReadonlySet<string>;
  readonly values: ReadonlyMap<string, string | null>;
}

/** Folds the callers' changes over what is known, in their order. Every key must be known. */
export function foldAll<Caller extends Folding>(
  callers: readonly Caller[],
  known: KnownValues,
): Folded<Caller> {
  const accepted: Caller[] = [];
  const refused: { caller: Caller; error: unknown }[] = [];
  const postponed: Caller[] = [];
  const stale = new Set<string>();
  const values = new Map<string, string | null>();
  const none: ReadonlyMap<string, string | null> = new Map();
  for (const caller of callers) {
    const among = attempt(caller.folds, values, known);
    if ('values' in among) {
      for (const [key, value] of among.values) values.set(key, value);
      accepted.push(caller);
      continue;
    }
    const alone = attempt(caller.folds, none, known);
    if ('values' in alone) {
      postponed.push(caller);
      continue;
    }
    const old = caller.folds.filter(({ key }) => known.get(key)!.asOf <= caller.cameAfter);
    if (old.length === 0) refused.push({ caller, error: alone.error });
    for (const { key } of old) stale.add(key);
  }
  return { accepted, refused, postponed, stale, values };
}

function attempt(
  folds: readonly Fold[],
  over: ReadonlyMap<string, string | null>,
  known: KnownValues,
): { values: ReadonlyMap<string, string | null> } | { error: unknown } {
  const values = new Map<string, string | null>();
  try {
    for (const { key, fold } of folds) {
      const changed = values.has(key) ? values : over.has(key) ? over : null;
      values.set(key, fold(changed === null ? known.get(key)!.value : (changed.get(key) ?? null)));
    }
    return { values };
  } catch (error) {
    return { error };
  }
}

/** What writes a folded value over the one it was folded from, and over no other. */
export function writeOf(key: string, value: string | null, known: KnownValue): FoldedWrite {
  return { key, ops: opsOf(key, value, known) };
}

function opsOf(key: string, value: string | null, known: KnownValue): readonly KvOp[] {
  if (value !== null && value !== known.value) return [{ verb: 'cas', key, value, index: known.index }];
  if (known.value === null) return [{ verb: 'check-not-exists', key }];
  const check: KvOp = { verb: 'check-index', key, index: known.index };
  // Deleting a missing key by index succeeds, so the index is checked first.
  return value === null ? [check, { verb: 'delete-cas', key, index: known.index }] : [check];
}
