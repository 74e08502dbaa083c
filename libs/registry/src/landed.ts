import type { KvEntry, KvOp } from './kv.js';
import type { OpResult } from './transport.js';

/**
 * An index that no key ever has, as it is the one of Consul's own first entry: a write that is guarded by it never
 * lands. It stands where a key has been changed again since, so that its index now would be leave to overwrite that.
 */
const INDEX_OF_NONE = 1;

/**
 * What a transaction would have answered, for one that is known to have landed though its answer was lost. Null when a
 * value it asked for can no longer be told.
 */
export function answerAfterwards(
  ops: readonly KvOp[],
  now: ReadonlyMap<string, KvEntry | null>,
): readonly OpResult[] | null {
  const results: OpResult[] = [];
  for (const op of ops) {
    const result = resultOf(op, now.get(op.key) ?? null);
    if (result === null) return null;
    results.push(result);
  }
  return results;
}

function resultOf(op: KvOp, entry: KvEntry | null): OpResult | null {
  switch (op.verb) {
    case 'set':
    case 'cas':
      return { index: entry?.value === op.value ? entry.index : INDEX_OF_NONE };
    case 'get':
      return entry === null ? null : { index: entry.index, value: entry.value };
    case 'check-index':
      return { index: op.index };
    case 'check-not-exists':
    case 'delete':
    case 'delete-cas':
      return { index: 0 };
  }
}
