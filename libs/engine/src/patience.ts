import { TransientError, backoffMs } from '@plumbline/domain';
import type { ParkReason } from '@plumbline/domain';
import { parkReasonNamed } from './park.js';
import type { WorkerContext } from './ports.js';

/**
 * What an adapter names a page for, a person has to judge, and is told of after so long: whoever has an image open may be a
 * boot that has just begun, whom its fellows get to know within two seconds, or a VM that died before it got the disk, whose
 * watch runs out after thirty. Both are told by waiting alone, so neither chance nor settings shorten that.
 */
const NAMED_TRIES_MAX = 9;
const NAMED_RETRY_MS = 4_500;
const NAMED_JITTER_MS = 500;
export const NAMED_RETRY_MAX_MS = NAMED_RETRY_MS + NAMED_JITTER_MS;

/** How many failed tries of one step are put up with, when the next one comes, and why a person is asked at their end. */
export interface Patience {
  readonly triesMax: number;
  readonly delayMs: number;
  readonly reason: ParkReason;
}

/** @param tries that have failed, the last of them with that error */
export function patienceWith(
  { policy, random }: Pick<WorkerContext, 'policy' | 'random'>,
  error: unknown,
  tries: number,
): Patience {
  const { backoffBaseMs: baseMs, backoffCapMs: capMs, triesMax } = policy;
  const named = error instanceof TransientError ? parkReasonNamed(error.reason) : null;
  if (named === null)
    return { triesMax, delayMs: backoffMs({ tries, baseMs, capMs, random }), reason: 'tries-exhausted' };
  return {
    triesMax: NAMED_TRIES_MAX,
    delayMs: NAMED_RETRY_MS + Math.round(NAMED_JITTER_MS * random()),
    reason: named,
  };
}
