import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { openSubscriber } from './redis.js';
import type { RedisTarget } from './redis.js';

/** How often a silent connection is asked whether it still is one: nobody else would notice that it is not. */
const PING_EVERY_MS = 5000;

/** Hears what is published on channels. Hearing is a convenience: whoever needs certainty polls besides. */
export class Listener {
  private readonly client: Redis;
  private readonly log: Logger;
  private readonly hearers = new Map<string, (message: unknown) => void>();
  private readonly timer: NodeJS.Timeout;

  constructor(target: RedisTarget) {
    this.log = target.log;
    this.client = openSubscriber(target);
    this.client.on('message', (channel: string, text: string) => this.hear(channel, text));
    this.timer = setInterval(() => void this.client.ping().catch(() => undefined), PING_EVERY_MS);
    this.timer.unref();
  }

  /** One hearer a channel. Resolves when Redis has heard of it, which may take as long as Redis is away. */
  async listen(channel: string, hearer: (message: unknown) => void): Promise<void> {
    this.hearers.set(channel, hearer);
    try {
      await this.client.subscribe(channel);
    } catch (err) {
      // The connection was closed for good; after any other failure it subscribes again by itself.
      this.log.debug({ err, channel }, 'not subscribed');
    }
  }

  close(): void {
    clearInterval(this.timer);
    this.client.disconnect();
  }

  private hear(channel: string, text: string): void {
    try {
      this.hearers.get(channel)?.(JSON.parse(text));
    } catch (err) {
      this.log.warn({ err, channel }, 'dropped a malformed message');
    }
  }
}
