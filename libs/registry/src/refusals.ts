import { Refusal } from '@plumbline/domain';

const RETRY_AFTER_MS = 1_000;

/** Definitely nothing happened, and nothing will. */
export function unavailable(why: string, cause?: unknown): Refusal {
  return refusal('unavailable', `The registry cannot be used right now: ${why}. Nothing was changed.`, cause);
}

export function halted(): Refusal {
  return refusal('halted', 'The system is halted until an operator confirms its state. Nothing was changed.');
}

/** It was sent, may have been carried out, or may be still. */
export function outcomeUnknown(cause: unknown): Refusal {
  return refusal(
    'outcome_unknown',
    'The registry did not answer; whether this was recorded is not known.',
    cause,
  );
}

function refusal(reason: string, message: string, cause?: unknown): Refusal {
  return new Refusal('service_unavailable', message, { reason, retryAfterMs: RETRY_AFTER_MS, cause });
}
