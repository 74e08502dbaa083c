import { HttpException } from '@nestjs/common';
import { EngineError, InvariantError, Refusal, RejectedError, UncertainError } from '@plumbline/domain';
import type { RefusalCode } from '@plumbline/domain';

/** What a failed request is answered, before it is given its request's id. */
export interface ErrorAnswer {
  readonly status: number;
  readonly id: string;
  readonly message: string;
  readonly retryAfterS?: number;
}

const STATUS: Readonly<Record<RefusalCode, number>> = {
  bad_request: 400,
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  unprocessable_entity: 422,
  too_many_requests: 429,
  service_unavailable: 503,
};

const SERVER_ERROR: ErrorAnswer = {
  status: 500,
  id: 'server_error',
  message: 'Something went wrong on our side; the request id tells us what.',
};

/** The one table from what went wrong to what a client is told. What is unknown here says nothing of our insides. */
export function errorAnswer(error: unknown): ErrorAnswer {
  if (error instanceof Refusal) return refused(error);
  if (error instanceof RejectedError || error instanceof InvariantError) return SERVER_ERROR;
  if (error instanceof EngineError) return unreachable(error);
  const status = statusOf(error);
  return (status === null ? undefined : ofHttp(status)) ?? SERVER_ERROR;
}

function refused({ code, message, reason, retryAfterMs }: Refusal): ErrorAnswer {
  return {
    status: STATUS[code],
    id: code,
    // Of the refusals that may still come true the reason is what a client needs: the shape has no other place for it.
    message: code === 'service_unavailable' && reason !== undefined ? `${message} (${reason})` : message,
    ...(retryAfterMs === undefined ? {} : { retryAfterS: Math.max(1, Math.ceil(retryAfterMs / 1000)) }),
  };
}

/** The registry did not answer where nothing had been asked to be written, or nobody could say whether it was. */
function unreachable(error: EngineError): ErrorAnswer {
  const reason = error instanceof UncertainError ? 'outcome_unknown' : 'unavailable';
  const message = 'The registry cannot be asked right now; try again.';
  return refused(new Refusal('service_unavailable', message, { reason, retryAfterMs: 1000 }));
}

/** Errors of Nest and Fastify themselves: no such route, a body that cannot be read. */
function statusOf(error: unknown): number | null {
  if (error instanceof HttpException) return error.getStatus();
  const status = (error as { statusCode?: unknown } | null)?.statusCode;
  return typeof status === 'number' ? status : null;
}

function ofHttp(status: number): ErrorAnswer | undefined {
  switch (status) {
    case 404:
    case 405:
      return { status: 404, id: 'not_found', message: 'The resource you requested could not be found.' };
    case 413:
      return { status, id: 'payload_too_large', message: 'The body must be at most 64 KiB.' };
    case 414:
      return { status, id: 'uri_too_long', message: 'The address is too long.' };
    case 408:
      return { status, id: 'request_timeout', message: 'The request did not arrive in time.' };
    default:
      if (status < 400 || status >= 500) return undefined;
      return { status: 400, id: 'bad_request', message: 'error parsing request' };
  }
}
