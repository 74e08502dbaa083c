import { TransientError, backoffMs } from '@plumbline/domain';
import type { ParkReason } from '@plumbline/domain';
import { parkReasonNamed } from './park.js';
import type { WorkerContext } from './ports.js';

/**
 * Whoever has an image open that nobody else should have may be a boot that has just begun, whom its fellows get to know
 * within two seconds, or a VM that died before it got the disk, whose watch runs out after thirty. Both are told by waiting
 * alone, so neither chance nor settings shorten that: at first soon, then every few seconds, 38 to 44 s in all. A minute
 * after everything is well again nothing may still wait.
 */
const WAITED_TRIES_MAX = 13;
const WAITED_BASE_MS = 200;
const WAITED_CAP_MS = 4_500;
const WAITED_JITTER_MS = 500;
export const WAITED_MAX_MS = WAITED_CAP_MS + WAITED_JITTER_MS;
/** What a step requires is not so, or not yet. */
export const REQUIREMENT = 'requirement';

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
  const why = error instanceof TransientError ? error.reason : '';
  const named = parkReasonNamed(why);
  const reason = named ?? 'tries-exhausted';
  if (named === null && why !== REQUIREMENT)
    return { triesMax, delayMs: backoffMs({ tries, baseMs, capMs, random }), reason };
  const soonestMs = Math.min(WAITED_BASE_MS * 2 ** (tries - 1), WAITED_CAP_MS);
  return {
    triesMax: WAITED_TRIES_MAX,
    delayMs: soonestMs + Math.round(WAITED_JITTER_MS * random()),
    reason,
  };
}
