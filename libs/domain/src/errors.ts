/**
 * Errors say what happens next. An adapter classifies at its edge, by code in one table, never by message text; whatever
 * is unclassified is uncertain. The message says what we tried, the cause goes in `cause`.
 */
export abstract class EngineError extends Error {
  /** A short, constant word for logs, ledgers and metrics, such as `ceph-timeout`. */
  readonly reason: string;

  constructor(message: string, options: { reason: string; cause?: unknown }) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.reason = options.reason;
  }
}

/** Did not happen, and may well happen next time: the same step again, with capped back-off and jitter. */
export class TransientError extends EngineError {}

/**
 * Did not happen, because the one thing that it is about is held up by itself or by somebody else, while others like it are
 * not: the same step again after that time. No outage, and it costs no try.
 */
export class HeldError extends TransientError {
  readonly retryAfterMs: number;

  constructor(message: string, options: { reason: string; retryAfterMs: number; cause?: unknown }) {
    super(message, options);
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** As transient, from a source that answers: it says nothing of an outage. */
export class BusyError extends TransientError {}

/** Did not happen because we are too fast: slows the queue, costs no try. */
export class ThrottledError extends EngineError {
  constructor(
    message: string,
    readonly retryAfterMs: number,
  ) {
    super(message, { reason: 'throttled' });
  }
}

/** Did not happen and will not: before the commit the intent is undone, after it a person is needed. */
export class RejectedError extends EngineError {}

/** May have happened, or may still: observe before anything else. */
export class UncertainError extends EngineError {}

/** Our own mistake, or a stranger's hand: park, and page a person. */
export class InvariantError extends EngineError {}

/** What a request was judged by has changed since it was read. Nothing was recorded: read it again. */
export class StaleError extends EngineError {}

export type RefusalCode =
  | 'bad_request'
  | 'unauthorized'
  | 'forbidden'
  | 'not_found'
  | 'conflict'
  | 'unprocessable_entity'
  | 'too_many_requests'
  | 'service_unavailable';

/**
 * A request that is refused, in the words its client looks for. It leaves nothing behind. `service_unavailable` is the
 * one code that may also mean "recorded, not finished yet" (reasons `pending` and `outcome_unknown`).
 */
export class Refusal extends Error {
  readonly code: RefusalCode;
  /** The field of the request that is wrong, in the contract's words. */
  readonly field?: string;
  readonly reason?: string;
  readonly retryAfterMs?: number;

  constructor(
    code: RefusalCode,
    message: string,
    more: { field?: string; reason?: string; retryAfterMs?: number; cause?: unknown } = {},
  ) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    this.name = 'Refusal';
    this.code = code;
    if (more.field !== undefined) this.field = more.field;
    if (more.reason !== undefined) this.reason = more.reason;
    if (more.retryAfterMs !== undefined) this.retryAfterMs = more.retryAfterMs;
  }
}

/** A foreign id, an unknown one and one that is no id at all: all the same answer. */
export function notFound(): Refusal {
  return new Refusal('not_found', 'The resource you requested could not be found.');
}
