/**
 * Two manners of talking to Redis. Who rings must never wait for it: no command is kept for later, and a connection that
 * is silent is cut, so that during an outage every ring fails at once. Who works may wait for ever: its commands are
 * repeated until Redis is back. Both reconnect for as long as the process lives.
 */
import { Redis } from 'ioredis';
import type { RedisOptions } from 'ioredis';
import type { Logger } from 'pino';
import { Trouble } from './trouble.js';

const RECONNECT_BASE_MS = 50;
const RECONNECT_CAP_MS = 2000;
const CONNECT_MS = 2000;
/** A command that has no answer after this fails. */
const COMMAND_MS = 1000;
/** A connection that owes an answer and is silent for this long is cut. */
const SILENCE_MS = 1500;
/** As above for workers, whose longest blocking command takes ten seconds. */
const WORKER_SILENCE_MS = 20_000;

function reconnectMs(tries: number): number {
  const boundMs = Math.min(RECONNECT_CAP_MS, RECONNECT_BASE_MS * 2 ** Math.min(tries, 10));
  return boundMs / 2 + (Math.random() * boundMs) / 2;
}

const COMMON = {
  retryStrategy: reconnectMs,
  connectTimeout: CONNECT_MS,
  // After a failover the old primary refuses writes: look for the new one.
  reconnectOnError: (error: Error) => error.message.startsWith('READONLY'),
} satisfies RedisOptions;

export interface RedisTarget {
  readonly redisUrl: string;
  /** The process's name, as `CLIENT LIST` shows it. */
  readonly name: string;
  readonly log: Logger;
}

/** A connection for short commands that fail fast: rings, wakes, looks, markers. One is enough for a process. */
export class RedisConnection {
  readonly client: Redis;

  constructor({ redisUrl, name, log }: RedisTarget) {
    this.client = new Redis(redisUrl, {
      ...COMMON,
      connectionName: name,
      maxRetriesPerRequest: 0,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      commandTimeout: COMMAND_MS,
      socketTimeout: SILENCE_MS,
    });
    logTrouble(this.client, log);
  }

  /** Rejects when Redis cannot be used now. */
  async ping(): Promise<void> {
    await this.client.ping();
  }

  close(): void {
    this.client.disconnect();
  }
}

/** A connection that only listens. What is published while it is cut off is lost, and it listens again by itself. */
export function openSubscriber({ redisUrl, name, log }: RedisTarget): Redis {
  const client = new Redis(redisUrl, {
    ...COMMON,
    connectionName: name,
    maxRetriesPerRequest: null,
    socketTimeout: SILENCE_MS,
  });
  logTrouble(client, log);
  return client;
}

/** What BullMQ's workers connect with. */
export function workerConnection(redisUrl: string) {
  return { ...COMMON, url: redisUrl, maxRetriesPerRequest: null, socketTimeout: WORKER_SILENCE_MS };
}

function logTrouble(client: Redis, log: Logger): void {
  const trouble = new Trouble(log, 'redis');
  client.on('error', (error: unknown) => trouble.failed(error));
  client.on('ready', () => trouble.worked());
}
