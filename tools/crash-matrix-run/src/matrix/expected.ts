import { stamp } from '@plumbline/domain';
import type { IntentId, Json, ParkReason, VolumeRecord } from '@plumbline/domain';
import type { Case } from './cells.js';

/** How an intent must end, whatever befell its worker. */
export interface Expected {
  /** It waits for an operator first, who has it resumed. */
  readonly parks: ParkReason | null;
  readonly ends: 'completed' | 'errored';
}

/**
 * As if nothing had happened; but for a source that refuses for good, which is told to the customer, or to an operator
 * where it is too late to take everything back.
 */
export function expectedOf({ variant, move, point, way }: Case): Expected {
  const ends = variant.turnsBackAt === null ? 'completed' : 'errored';
  const isRefused =
    way === 'definite error' && point === 'before' && move.via === 'call' && move.mode !== 'owed';
  if (!isRefused) return { parks: null, ends };
  if (move.mode === 'undo') return { parks: 'undo-failed', ends };
  if (move.mode === 'remove') return { parks: 'rejected-after-commit', ends };
  const upTo = variant.moves.slice(0, variant.moves.indexOf(move) + 1);
  if (upTo.some(({ mode }) => mode === 'release')) return { parks: 'release-rejected', ends };
  return { parks: null, ends: 'errored' };
}

/** What the record says in the end: of a completed intent what its commit makes of what stood before. */
export function recordAfter(
  { variant: { definition } }: Case,
  by: { params: Json; before: VolumeRecord | null; ends: Expected['ends'] },
): VolumeRecord | null {
  const { params, before, ends } = by;
  if (ends === 'errored') return before;
  const value = definition.plan(params, before).commit.becomes(before, { at: 0, found: () => undefined });
  return value && stamp(value, { before, now: 0, intent: '' as IntentId });
}
