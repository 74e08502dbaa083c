import { pino } from 'pino';
import { RedisConnection } from '../redis.js';

export const silent = pino({ level: 'silent' });

/**
 * A database of the Redis that the suite was given; suites side by side take different ones.
 * @param url `PLUMBLINE_TEST_REDIS`
 */
export function testRedisUrl(url: string | undefined, database: number): string {
  if (!url) throw new Error('PLUMBLINE_TEST_REDIS must be the address of a Redis that this suite may empty');
  return new URL(String(database), url.endsWith('/') ? url : `${url}/`).href;
}

export async function connect(redisUrl: string): Promise<RedisConnection> {
  const redis = new RedisConnection({ redisUrl, name: 'test', log: silent });
  await eventually(() => redis.ping());
  return redis;
}

const EVENTUALLY_MS = 20_000;

/** Waits for a state, not for a time: tries until it no longer rejects. */
export async function eventually<T>(look: () => T | Promise<T>, withinMs = EVENTUALLY_MS): Promise<T> {
  const until = performance.now() + withinMs;
  for (;;) {
    try {
      return await look();
    } catch (error) {
      if (performance.now() > until) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
