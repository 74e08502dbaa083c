import { Catch } from '@nestjs/common';
import type { ArgumentsHost, ExceptionFilter } from '@nestjs/common';
import type { Log } from '@plumbline/platform';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { errorAnswer } from './error-answer.js';

/** Whatever goes wrong in a request ends here, and nowhere else is a status made of an error. */
@Catch()
export class ErrorFilter implements ExceptionFilter {
  constructor(private readonly log: Log) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    answerError({
      error,
      request: http.getRequest<FastifyRequest>(),
      reply: http.getResponse<FastifyReply>(),
      log: this.log,
    });
  }
}

/** Also for what goes wrong before Nest has the request, such as an address that cannot be decoded. */
export function answerError(of: {
  error: unknown;
  request: FastifyRequest;
  reply: FastifyReply;
  log: Log;
}): void {
  const { error, request, reply, log } = of;
  const { status, id, message, retryAfterS } = errorAnswer(error);
  const requestId = request.id;
  if (status >= 500) {
    const fields = { requestId, method: request.method, route: request.routeOptions?.url, err: error };
    if (status === 500) log.error(fields, 'request failed');
    else log.warn(fields, 'request could not be served');
  }
  if (reply.sent) return;
  void reply.header('x-request-id', requestId);
  if (retryAfterS !== undefined) void reply.header('retry-after', String(retryAfterS));
  void reply.code(status).send({ id, message, request_id: requestId });
}
