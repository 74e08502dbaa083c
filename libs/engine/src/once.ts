import { Refusal } from '@plumbline/domain';
import type { AccountId, ActionNumber, Instant, RequestUse } from '@plumbline/domain';

/** What an idempotency key was first used for. */
export interface FirstUse {
  readonly bodyHash: string;
  readonly action: ActionNumber;
}

/** Where first uses are kept: written by the very transaction that records the intent. */
export interface FirstUses {
  find(account: AccountId, key: string): Promise<FirstUse | null>;
  /** The instant by which uses are kept and expire, the same for all processes whatever their own clocks say. */
  now(): Instant;
}

/**
 * Records at most once for a key: whoever comes again with the same body gets what the first one was recorded as.
 * @param record records it under that key; it is refused as a conflict when another has just used the key
 * @throws Refusal; whatever `record` throws
 */
export async function recordOnce<T>(
  { uses, account, key, bodyHash }: { uses: FirstUses; account: AccountId; key: string; bodyHash: string },
  record: (request: RequestUse) => Promise<T>,
): Promise<{ readonly recorded: T } | { readonly first: ActionNumber }> {
  const before = await uses.find(account, key);
  if (before !== null) return sameUse(before, bodyHash);
  try {
    return { recorded: await record({ key, bodyHash, at: uses.now() }) };
  } catch (error) {
    // Another request with this key was recorded at the same instant, perhaps under the name of this one.
    if (!(error instanceof Refusal) || error.code !== 'conflict') throw error;
    const first = await uses.find(account, key);
    if (first === null) throw error;
    return sameUse(first, bodyHash);
  }
}

function sameUse(first: FirstUse, bodyHash: string): { readonly first: ActionNumber } {
  if (first.bodyHash === bodyHash) return { first: first.action };
  throw new Refusal(
    'unprocessable_entity',
    'Idempotency-Key was used for another body: a key must go with one body only',
    { field: 'Idempotency-Key' },
  );
}
