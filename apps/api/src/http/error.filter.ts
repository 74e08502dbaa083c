import { Catch } from '@nestjs/common';
import type { ArgumentsHost, ExceptionFilter } from '@nestjs/common';
import { monotonicMs } from '@plumbline/platform';
import type { Log } from '@plumbline/platform';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { errorAnswer } from './error-answer.js';

/** In an outage every request fails alike: of those one a second is logged, with how many were not. */
const ALIKE_EVERY_MS = 1000;

/** Whatever goes wrong in a request ends here, and nowhere else is a status made of an error. */
@Catch()
export class ErrorFilter implements ExceptionFilter {
  private loggedAtMs = -ALIKE_EVERY_MS;
  private unlogged = 0;

  constructor(private readonly log: Log) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    this.answer(error, http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>());
  }

  /** Also for what goes wrong before Nest has the request, such as an address that cannot be decoded. */
  answer(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
    const { status, id, message, retryAfterS } = errorAnswer(error);
    this.report(status, request, error);
    if (reply.sent) return;
    void reply.header('x-request-id', request.id);
    if (retryAfterS !== undefined) void reply.header('retry-after', String(retryAfterS));
    void reply.code(status).send({ id, message, request_id: request.id });
  }

  private report(status: number, request: FastifyRequest, err: unknown): void {
    if (status < 500) return;
    const fields = { requestId: request.id, method: request.method, route: request.routeOptions?.url, err };
    if (status === 500) {
      this.log.error(fields, 'request failed');
      return;
    }
    const now = monotonicMs();
    if (now - this.loggedAtMs < ALIKE_EVERY_MS) {
      this.unlogged += 1;
      return;
    }
    this.log.warn({ ...fields, unlogged: this.unlogged }, 'request could not be served');
    this.loggedAtMs = now;
    this.unlogged = 0;
  }
}
