import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Metrics } from './metrics.js';
import type { Readiness } from './readiness.js';

export interface HealthAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

interface Health {
  readonly readiness: Readiness;
  readonly metrics: Metrics;
}

/** What `/livez`, `/readyz` and `/metrics` answer; null for any other path. Also for servers that have other paths. */
export async function healthAnswer(path: string, health: Health): Promise<HealthAnswer | null> {
  switch (path) {
    case '/livez':
      return { status: 200, contentType: JSON_TYPE, body: '{"alive":true}' };
    case '/readyz': {
      const answer = await health.readiness.answer();
      return { status: answer.ready ? 200 : 503, contentType: JSON_TYPE, body: JSON.stringify(answer) };
    }
    case '/metrics':
      return {
        status: 200,
        contentType: health.metrics.contentType,
        body: await health.metrics.metrics(),
      };
    default:
      return null;
  }
}

export interface HealthServer {
  readonly port: number;
  close(): Promise<void>;
}

const JSON_TYPE = 'application/json';
const NOT_FOUND: HealthAnswer = { status: 404, contentType: JSON_TYPE, body: '{"id":"not_found"}' };
const FAILED: HealthAnswer = { status: 500, contentType: JSON_TYPE, body: '{"id":"server_error"}' };
const REQUEST_MS = 5000;
const CONNECTIONS_MAX = 64;

/** A process's own small server, so that it answers for itself whatever else it serves. Port 0 takes any free one. */
export async function startHealth(at: { host: string; port: number }, health: Health): Promise<HealthServer> {
  const server = createServer({ requestTimeout: REQUEST_MS }, (request, response) => {
    const path = request.url?.split('?', 1)[0] ?? '';
    void healthAnswer(path, health)
      .catch(() => FAILED)
      .then((answer) => {
        const { status, contentType, body } = answer ?? NOT_FOUND;
        response.writeHead(status, { 'content-type': contentType, 'cache-control': 'no-store' }).end(body);
      });
  });
  server.maxConnections = CONNECTIONS_MAX;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(at.port, at.host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
