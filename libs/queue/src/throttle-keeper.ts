/**
 * Keeps a worker as its queue's throttle says. The registry holds what is set; every worker looks there every two seconds,
 * so that a change needs no restart. What concerns all workers together is kept by BullMQ in the queue's own `meta`, which
 * is lost when Redis is emptied, and is then written again by whichever worker looks first.
 *
 * The dashboard can pause a queue too, past the registry. Beside `paused` stands what was written last from the registry:
 * where that is still so and `paused` is not, somebody paused or resumed it there, and the registry is told.
 */
import { randomUUID } from 'node:crypto';
import type { QueueName, Throttle } from '@plumbline/domain';
import type { Queue } from 'bullmq';
import type { Logger } from 'pino';
import { Gauge } from 'prom-client';
import type { Registry } from 'prom-client';
import { within } from './deadline.js';
import { RATE_UNLIMITED } from './job-processor.js';
import type { HoldReason, JobProcessor } from './job-processor.js';
import { keysOf } from './lane-script.js';
import { OpenQueues } from './open-queues.js';
import type { BreakerShown } from './outages.js';
import type { RedisConnection } from './redis.js';
import { Trouble } from './trouble.js';

const LOOK_MS = 2000;
const REDIS_MS = 1500;
/** A worker that has not said for this long how it stands is shown no more. */
const STANDING_MS = 10_000;
const APPLIED = 'plumbline';
const REPLACE = `
if redis.call('HGET', KEYS[1], ARGV[1]) == ARGV[2] then redis.call('HSET', KEYS[1], ARGV[1], ARGV[3]) end`;
/** In whose name the registry is told of what was done on the dashboard. */
const DASHBOARD = 'dashboard';

/** What a worker does in effect. */
export interface Standing {
  readonly queue: QueueName;
  readonly name: string;
  readonly concurrency: number;
  readonly held: readonly HoldReason[];
  readonly breakers: readonly BreakerShown[];
}

export interface ThrottleStore<Read extends { readonly throttle: Throttle }> {
  read(queue: QueueName): Promise<Read>;
  /** False: it was set by somebody else meanwhile. */
  write(queue: QueueName, throttle: Throttle, read: Read): Promise<boolean>;
}

interface Options<Read extends { readonly throttle: Throttle }> {
  readonly processor: JobProcessor;
  readonly configured: { readonly concurrency: number; readonly ratePerSecond: number };
  readonly store: ThrottleStore<Read>;
  readonly breakers: () => readonly BreakerShown[];
  readonly redis: RedisConnection;
  readonly boot: string;
  readonly name: string;
  readonly now: () => number;
  readonly log: Logger;
  readonly metrics: Registry;
}

export class ThrottleKeeper<Read extends { readonly throttle: Throttle }> {
  private readonly queue: QueueName;
  private readonly queues: OpenQueues;
  private readonly trouble: Trouble;
  private readonly gauges: Readonly<Record<'concurrency' | 'rate' | 'paused', Gauge<'queue'>>>;
  private timer: NodeJS.Timeout | null = null;
  private round: Promise<void> = Promise.resolve();
  private isClosed = false;

  constructor(private readonly options: Options<Read>) {
    this.queue = options.processor.queue;
    this.trouble = new Trouble(options.log, `throttle of ${this.queue}`);
    this.queues = new OpenQueues(options.redis, this.trouble);
    const gauge = (name: string, help: string) =>
      new Gauge({
        name: `plumbline_throttle_${name}`,
        help,
        labelNames: ['queue'],
        registers: [options.metrics],
      });
    this.gauges = {
      concurrency: gauge('concurrency', 'Jobs at a time that this process takes now.'),
      rate: gauge('rate_per_second', 'Jobs a second over all workers; 0: no limit.'),
      paused: gauge('paused', 'Whether an operator has paused the queue.'),
    };
  }

  /** Looks now, and then again and again. */
  async start(): Promise<void> {
    await this.look();
    this.later();
  }

  async close(): Promise<void> {
    this.isClosed = true;
    if (this.timer !== null) clearTimeout(this.timer);
    await this.round;
    await this.queues.close();
  }

  private later(): void {
    if (this.isClosed) return;
    this.timer = setTimeout(() => {
      this.round = this.look().then(() => this.later());
    }, LOOK_MS);
  }

  /** Never rejects: what cannot be read stays as it was. */
  private async look(): Promise<void> {
    try {
      const shared = await this.inTime('reading it', this.readShared()).catch((error: unknown) => {
        this.trouble.failed(error);
        return null;
      });
      // Behind what was written to the queue, so that what is read here is never older than that.
      const read = await this.options.store.read(this.queue);
      await this.keep(read.throttle);
      if (shared === null) return;
      await this.share(read, shared);
      await this.inTime('saying how it stands', this.say());
      this.trouble.worked();
    } catch (error) {
      this.trouble.failed(error);
    }
  }

  private async keep({ paused, concurrency, ratePerSecond }: Throttle): Promise<void> {
    const { processor, configured } = this.options;
    processor.setConcurrency(concurrency ?? configured.concurrency);
    if (paused !== processor.held.includes('paused'))
      await (paused ? processor.hold('paused') : processor.resume('paused'));
    this.gauges.concurrency.set({ queue: this.queue }, processor.concurrency);
    this.gauges.rate.set({ queue: this.queue }, ratePerSecond ?? configured.ratePerSecond);
    this.gauges.paused.set({ queue: this.queue }, paused ? 1 : 0);
  }

  private async share(read: Read, shared: Shared): Promise<void> {
    const { store, log, now } = this.options;
    const { throttle } = read;
    const wanted = fingerprintOf(throttle);
    // Emptying Redis unpauses: what is paused though nothing was ever written here was paused there, too.
    const isTouched = shared.applied === wanted || (shared.applied === null && shared.paused);
    if (!isTouched || shared.paused === throttle.paused) {
      if (shared.applied !== wanted) await this.inTime('applying it', this.apply(throttle, wanted));
      return;
    }
    const told = { ...throttle, paused: shared.paused, by: DASHBOARD, at: now() };
    if (!(await store.write(this.queue, told, read))) return;
    log.info({ queue: this.queue, paused: shared.paused }, 'queue was paused or resumed on the dashboard');
    await this.inTime('applying it', this.apply(told, fingerprintOf(told)));
  }

  private async apply({ paused, ratePerSecond, concurrencyTotal }: Throttle, wanted: string): Promise<void> {
    const queue: Queue = this.queues.get(this.queue);
    const { client } = this.options.redis;
    const nonce = randomUUID();
    await client.hset(this.metaKey, APPLIED, nonce);
    await (paused ? queue.pause() : queue.resume());
    await (ratePerSecond === null
      ? queue.removeGlobalRateLimit()
      : queue.setGlobalRateLimit(ratePerSecond === 0 ? RATE_UNLIMITED : ratePerSecond, 1000));
    await (concurrencyTotal === null || concurrencyTotal === 0
      ? queue.removeGlobalConcurrency()
      : queue.setGlobalConcurrency(concurrencyTotal));
    // Only if nothing was lost, or begun by another worker, meanwhile: what was not wholly applied is applied again.
    await client.eval(REPLACE, 1, this.metaKey, APPLIED, nonce, wanted);
  }

  private async readShared(): Promise<Shared> {
    const [applied, paused] = await this.options.redis.client.hmget(this.metaKey, APPLIED, 'paused');
    return { applied: applied ?? null, paused: typeof paused === 'string' };
  }

  private async say(): Promise<void> {
    const { processor, breakers, redis, boot, name } = this.options;
    const { queue, concurrency, held } = processor;
    const standing: Standing = { queue, name, concurrency, held, breakers: breakers() };
    await redis.client.set(standingKey(boot), JSON.stringify(standing), 'PX', STANDING_MS);
  }

  private get metaKey(): string {
    return `${keysOf(this.queue)}meta`;
  }

  private inTime<T>(what: string, promise: Promise<T>): Promise<T> {
    return within({ what: `throttle of ${this.queue}: ${what}`, deadlineMs: REDIS_MS }, promise);
  }
}

interface Shared {
  /** What was written last from the registry; null: nothing, or it was lost with all of Redis. */
  readonly applied: string | null;
  readonly paused: boolean;
}

export function standingKey(boot: string): string {
  return `plumbline:standing:${boot}`;
}

/** What of a throttle is kept in the queue. */
function fingerprintOf({ paused, ratePerSecond, concurrencyTotal }: Throttle): string {
  return JSON.stringify({ paused, ratePerSecond, concurrencyTotal });
}
