/**
 * The operators' dashboard: Bull Board, on a port of its own, behind a login. What is heavy about it is loaded only by the
 * process that opens it, because every worker imports this package too.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import type { QueueName } from '@plumbline/domain';
import type { Logger } from 'pino';
import { fieldsOf } from './job.js';
import { workerConnection } from './redis.js';
import { Trouble } from './trouble.js';

interface BoardOptions {
  readonly queues: readonly QueueName[];
  readonly host: string;
  /** Nought takes any free port. */
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly redisUrl: string;
  readonly log: Logger;
}

export interface Board {
  readonly port: number;
  close(): Promise<void>;
}

const PREFIX = '/queues';

export async function openBoard(options: BoardOptions): Promise<Board> {
  const [{ createBullBoard }, { BullMQAdapter }, { FastifyAdapter }, { fastify }, { Queue }] =
    await Promise.all([
      import('@bull-board/api'),
      import('@bull-board/api/bullMQAdapter'),
      import('@bull-board/fastify'),
      import('fastify'),
      import('bullmq'),
    ]);
  const connection = { ...workerConnection(options.redisUrl), maxRetriesPerRequest: 1 };
  const trouble = new Trouble(options.log, 'dashboard');
  const queues = options.queues.map((name) => {
    const queue = new Queue(name, { connection, skipMetasUpdate: true });
    queue.on('error', (error) => trouble.failed(error));
    return queue;
  });
  const serverAdapter = new FastifyAdapter().setBasePath(PREFIX);
  const adapters = queues.map((queue) => {
    const adapter = new BullMQAdapter(queue);
    adapter.setFormatter('data', shownData);
    return adapter;
  });
  createBullBoard({ queues: adapters, serverAdapter, options: { uiConfig: { boardTitle: 'Plumbline' } } });

  const server = fastify({ logger: false, bodyLimit: 64 * 1024 });
  const isAllowed = loginOf(options);
  // On the server and not on the board alone, so that not even the redirect or an unknown path answers a stranger.
  server.addHook('onRequest', async (request, reply) => {
    if (isAllowed(request.headers.authorization)) return;
    await reply
      .code(401)
      .header('www-authenticate', 'Basic realm="Plumbline", charset="UTF-8"')
      .send({ id: 'unauthorized', message: 'a login is needed' });
  });
  server.get('/', (_request, reply) => reply.redirect(PREFIX));
  await server.register(serverAdapter.registerPlugin(), { prefix: PREFIX });
  await server.listen({ host: options.host, port: options.port });
  return {
    port: (server.server.address() as AddressInfo).port,
    async close() {
      server.server.closeAllConnections();
      await server.close();
      await Promise.all(queues.map((queue) => queue.close().catch(() => undefined)));
    },
  };
}

/** Both sides are hashed, so that neither their contents nor their lengths show in the time it takes. */
function loginOf({ user, password }: { user: string; password: string }): (header?: string) => boolean {
  const wanted = digest(`Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`);
  return (header = '') => timingSafeEqual(digest(header), wanted);
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** Names of resources and nothing else: whatever a stranger put into a queue is not shown. */
function shownData(data: unknown): unknown {
  const { resource, drain, ask } = fieldsOf(data);
  if (typeof resource === 'string') return { resource };
  if (drain === true) return { drain };
  const { places, list } = fieldsOf(ask);
  if (Array.isArray(places)) return { looks: places.map((place) => fieldsOf(place)['key']) };
  return typeof list === 'string' ? { list } : {};
}
