import { randomUUID } from 'node:crypto';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { healthAnswer, nestLogger } from '@plumbline/platform';
import type { Log, Metrics, Readiness } from '@plumbline/platform';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Histogram } from 'prom-client';
import { AppModule, CONTROLLERS } from './app.module.js';
import type { Services } from './app.module.js';
import { serveDocs } from './docs/serve-docs.js';
import { BODY_BYTES_MAX, readJsonBodies } from './http/body.js';
import { ErrorFilter } from './http/error.filter.js';

/** A request must have arrived whole within this time, so that slow senders hold no socket for long. */
const ARRIVE_MS = 30_000;
const KEEP_ALIVE_MS = 72_000;
const CONNECTIONS_MAX = 4096;
/** As long as any header may be: an id of any length is simply unknown. */
const PARAM_LENGTH_MAX = 16 * 1024;
const BUCKETS_S = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30];

interface ServerOptions {
  readonly services: Services;
  readonly readiness: Readiness;
  readonly metrics: Metrics;
  readonly log: Log;
}

/** The HTTP application, complete but for listening. */
export async function createServer(options: ServerOptions): Promise<NestFastifyApplication> {
  const { log, metrics, services } = options;
  const errors = new ErrorFilter(log);
  const adapter = new FastifyAdapter({
    logger: false,
    genReqId: () => randomUUID(),
    requestIdHeader: false,
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: ARRIVE_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    routerOptions: { maxParamLength: PARAM_LENGTH_MAX },
    frameworkErrors: (error: Error, request: FastifyRequest, reply: FastifyReply) =>
      errors.answer(error, request, reply),
    // Its hook runs in every request, and nothing here is a middleware.
    skipMiddie: true,
  });
  const app = await NestFactory.create<NestFastifyApplication>(AppModule.of(services), adapter, {
    bodyParser: false,
    logger: nestLogger(log),
  });
  const server = adapter.getInstance<FastifyInstance>();
  server.server.maxConnections = CONNECTIONS_MAX;
  readJsonBodies(server);
  server.decorateRequest('caller', null);
  server.addHook('onRequest', (request, reply, done) => {
    void reply.header('x-request-id', request.id);
    done();
  });
  observeRequests(server, { log, metrics });
  serveHealth(server, options);
  serveDocs(server, { app, controllers: CONTROLLERS });
  app.useGlobalFilters(errors);
  await app.init();
  await server.ready();
  return app;
}

/** Every request is measured; it is logged only where somebody looks for that. */
function observeRequests(server: FastifyInstance, { log, metrics }: { log: Log; metrics: Metrics }): void {
  const seconds = new Histogram({
    name: 'plumbline_http_request_seconds',
    help: 'Requests, by route and status.',
    labelNames: ['method', 'route', 'status'],
    buckets: BUCKETS_S,
    registers: [metrics],
  });
  server.addHook('onResponse', (request, reply, done) => {
    const { method } = request;
    const route = request.routeOptions.url ?? 'none';
    const status = reply.statusCode;
    seconds.observe({ method, route, status }, reply.elapsedTime / 1000);
    if (log.isLevelEnabled('debug')) {
      const durationMs = Math.round(reply.elapsedTime);
      log.debug({ requestId: request.id, method, route, status, durationMs }, 'request answered');
    }
    done();
  });
}

function serveHealth(server: FastifyInstance, { metrics, readiness }: ServerOptions): void {
  for (const path of ['/livez', '/readyz', '/metrics'])
    server.get(path, async (_request, reply) => {
      const answer = await healthAnswer(path, { metrics, readiness });
      if (answer === null) return reply.callNotFound();
      const { status, contentType, body } = answer;
      return reply
        .code(status)
        .headers({ 'content-type': contentType, 'cache-control': 'no-store' })
        .send(body);
    });
}
