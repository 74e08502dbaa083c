import { Refusal, RejectedError, TransientError, UncertainError } from '@plumbline/domain';
import type { Points } from './points.js';
import type { Directive, Doing } from './wire.js';

/** As long as a worker's own calls may take; counted from when it is let go. */
const CALL_MS = 10_000;
/** Longer than any deadline: who is not told by then was never going to be. */
const SILENCE_MAX_MS = 60_000;

/** How a source says that it did not do it. */
export type Denial = (message: string) => Error;
export const rejected: Denial = (message) => new RejectedError(message, { reason: 'crash-matrix' });
export const refusedForNow: Denial = (message) => new TransientError(message, { reason: 'crash-matrix' });

/**
 * One call to a source with its two points. A call that was held has a deadline of its own from then on: otherwise one that
 * slept past it would never be sent, and no late effect could be seen.
 */
export async function struckCall<T>(
  points: Points,
  by: {
    doings: readonly Doing[];
    signal: AbortSignal;
    deny: Denial;
    call: (signal: AbortSignal) => Promise<T>;
  },
): Promise<T> {
  const { call, deny, doings } = by;
  failAs(await points.askAll('before', doings), deny);
  const sent = call(AbortSignal.timeout(CALL_MS));
  for (const doing of doings) points.tell('sent', doing);
  const result = await sent.catch((error: unknown) => {
    for (const doing of doings) points.tell('failed', doing, String(error));
    throw error;
  });
  for (const doing of doings) points.tell('returned', doing);
  if (isUnfinished(result)) return result;
  const directive = await points.askAll('after', doings);
  if (directive === 'silence') return await never(by.signal);
  if (directive === 'again') return await call(AbortSignal.timeout(CALL_MS));
  failAs(directive, deny);
  return result;
}

/** Begun, and to be asked for again: nothing that could be noted. */
export function isUnfinished(result: unknown): boolean {
  return typeof result === 'object' && result !== null && 'waitMs' in result;
}

function failAs(directive: Directive, deny: Denial): void {
  if (directive === 'reject') throw deny('refused by the crash matrix');
  if (directive === 'uncertain')
    throw new UncertainError('the crash matrix does not say whether it was done', { reason: 'crash-matrix' });
}

/** How the registry says so. */
export function refuseWriteAs(directive: Directive): void {
  if (directive === 'reject')
    throw new Refusal('service_unavailable', 'refused by the crash matrix', { reason: 'unavailable' });
  if (directive === 'uncertain')
    throw new Refusal('service_unavailable', 'the crash matrix does not say whether it was written', {
      reason: 'outcome_unknown',
    });
}

/** No answer comes: whoever waits is told by its own deadline. */
async function never(signal: AbortSignal): Promise<never> {
  const end = AbortSignal.any([signal, AbortSignal.timeout(SILENCE_MAX_MS)]);
  if (!end.aborted) await new Promise((resolve) => end.addEventListener('abort', resolve, { once: true }));
  throw signal.reason instanceof Error ? signal.reason : new Error('no answer', { cause: signal.reason });
}
