/**
 * Rings: "look at this lane". Nothing is recorded here, so a ring that fails costs time and nothing else: the sweep rings
 * again. Job ids are BullMQ's own, because a job under a chosen id is ignored without a word while an older one of that
 * id still exists, be it active or ended.
 */
import type { AccountId, IntentId, QueueName, ResourceName } from '@plumbline/domain';
import type { Logger } from 'pino';
import { Counter } from 'prom-client';
import type { Registry } from 'prom-client';
import { chunksOf } from './chunks.js';
import { within } from './deadline.js';
import { JOB_OPTIONS } from './job.js';
import type { DrainJob, LaneJob } from './job.js';
import { callLanes, defineLaneScript } from './lane-script.js';
import type { LaneCall } from './lane-script.js';
import { OpenQueues } from './open-queues.js';
import type { RedisConnection } from './redis.js';
import { Trouble } from './trouble.js';

const RING_MS = 250;
/** Calls in one round trip: few enough for its deadline, also in a process that has just begun. */
const BULK_MAX = 200;
/** Rings that may wait for the end of a tick; one more fails. */
const PENDING_MAX = 20_000;
/** Rings for what is owed are gathered this long: one job drains all of it. */
const DRAIN_GATHER_MS = 250;
/** Wakes in one message. */
const WAKES_MAX = 1000;

export interface RingOptions {
  readonly delayMs?: number;
  /** Whose lane it is: rung without, it stands in nobody's line. */
  readonly account?: AccountId | undefined;
  /** Goes before bulk work: a VM waits for it. */
  readonly ahead?: boolean | undefined;
}

export const WAKE_CHANNEL = 'plumbline:wakes';

export interface Wake {
  readonly resource: ResourceName;
  readonly intent: IntentId;
}

/** What is asked of Redis in one tick, and who waits for whether it took it. */
interface Asked<T> {
  readonly what: T;
  readonly answers: ((taken: boolean) => void)[];
}

/** A job that is no lane's turn now: it comes later, or drains. */
interface PlainJob {
  readonly queue: QueueName;
  readonly data: LaneJob | DrainJob;
  readonly delayMs: number;
}

export class Bell {
  private readonly redis: RedisConnection;
  private readonly trouble: Trouble;
  private readonly rings: Counter<'queue' | 'taken'>;
  private readonly queues: OpenQueues;
  private calls = new Map<string, Asked<LaneCall>>();
  private jobs = new Map<string, Asked<PlainJob>>();
  private readonly draining = new Map<QueueName, NodeJS.Timeout>();
  private wakes: Wake[] = [];
  private isScheduled = false;

  constructor({ redis, log, metrics }: { redis: RedisConnection; log: Logger; metrics: Registry }) {
    this.redis = redis;
    this.trouble = new Trouble(log, 'ring');
    defineLaneScript(redis.client);
    this.queues = new OpenQueues(redis, this.trouble);
    this.rings = new Counter({
      name: 'plumbline_rings_total',
      help: 'Rings, by whether Redis took them.',
      labelNames: ['queue', 'taken'],
      registers: [metrics],
    });
  }

  /**
   * Never rejects, and answers within 250 ms: false when Redis did not say in time that it took the ring. A lane whose
   * account has many before it stands in line, which is taken, too.
   */
  ring(
    queue: QueueName,
    resource: ResourceName,
    { delayMs = 0, account, ahead, anew }: RingOptions & { readonly anew?: boolean } = {},
  ): Promise<boolean> {
    if (delayMs === 0) return this.call({ verb: 'ring', queue, resource, account, ahead, anew });
    const data: LaneJob = {
      resource,
      ...(account === undefined ? {} : { account }),
      ...(ahead === true ? { ahead } : {}),
    };
    return this.add({ queue, data, delayMs });
  }

  /**
   * A job of the lane has ended: what its account has in line comes next. Answers as a ring does; what is lost here is
   * made good by the sweep. `anew`: no job of the lane is left, as the registry tells.
   */
  leave(
    queue: QueueName,
    resource: ResourceName,
    { anew }: { readonly anew?: boolean } = {},
  ): Promise<boolean> {
    return this.call({ verb: 'leave', queue, resource, anew });
  }

  /** Rings for what is owed to a derived source. Many of these become one job. */
  drain(queue: QueueName): void {
    if (this.draining.has(queue)) return;
    const timer = setTimeout(() => {
      this.draining.delete(queue);
      void this.add({ queue, data: { drain: true }, delayMs: 0 });
    }, DRAIN_GATHER_MS);
    this.draining.set(queue, timer);
  }

  /** Wakes who waits for this intent, in whatever process. May be lost. */
  wake(resource: ResourceName, intent: IntentId): void {
    if (this.wakes.length >= PENDING_MAX) return;
    this.wakes.push({ resource, intent });
    this.schedule();
  }

  /** What has been asked for is still sent; the connection is its owner's to close. */
  async close(): Promise<void> {
    for (const [queue, timer] of this.draining) {
      clearTimeout(timer);
      void this.add({ queue, data: { drain: true }, delayMs: 0 });
    }
    this.draining.clear();
    await this.flush();
    await this.queues.close();
  }

  private call(call: LaneCall): Promise<boolean> {
    return this.ask(this.calls, call);
  }

  private add(job: PlainJob): Promise<boolean> {
    return this.ask(this.jobs, job);
  }

  /** One is enough for all that ask for the same in one tick, but every job that ends counts. */
  private ask<T extends LaneCall | PlainJob>(asked: Map<string, Asked<T>>, what: T): Promise<boolean> {
    if (this.calls.size + this.jobs.size >= PENDING_MAX) return Promise.resolve(false);
    const ends = 'verb' in what && what.verb === 'leave';
    const key = ends ? `leave ${asked.size}` : JSON.stringify(what);
    return new Promise((answer) => {
      const same = asked.get(key);
      if (same) same.answers.push(answer);
      else asked.set(key, { what, answers: [answer] });
      this.schedule();
    });
  }

  private schedule(): void {
    if (this.isScheduled) return;
    this.isScheduled = true;
    setImmediate(() => void this.flush());
  }

  private async flush(): Promise<void> {
    this.isScheduled = false;
    const calls = [...this.calls.values()];
    const jobs = [...this.jobs.values()];
    const wakes = this.wakes;
    this.calls = new Map();
    this.jobs = new Map();
    this.wakes = [];
    await Promise.all([
      ...chunksOf(wakes, WAKES_MAX).map((chunk) => this.publish(chunk)),
      ...byQueue(calls).map(([queue, chunk]) => this.callAll(queue, chunk)),
      ...byQueue(jobs).map(([queue, chunk]) => this.addAll(queue, chunk)),
    ]);
  }

  private async callAll(queue: QueueName, asked: readonly Asked<LaneCall>[]): Promise<void> {
    const calls = asked.map(({ what }) => what);
    const taken = await this.attempt(`ringing at ${queue}`, () => callLanes(this.redis.client, queue, calls));
    const rings = calls.filter(({ verb }) => verb === 'ring').length;
    if (rings > 0) this.rings.inc({ queue, taken: String(taken) }, rings);
    answerAll(asked, taken);
  }

  private async addAll(queue: QueueName, asked: readonly Asked<PlainJob>[]): Promise<void> {
    const jobs = asked.map(({ what: { data, delayMs } }) => ({
      name: 'resource' in data ? 'lane' : 'drain',
      data,
      opts: delayMs > 0 ? { ...JOB_OPTIONS, delay: delayMs } : JOB_OPTIONS,
    }));
    const taken = await this.attempt(`ringing at ${queue}`, () => this.queues.get(queue).addBulk(jobs));
    this.rings.inc({ queue, taken: String(taken) }, jobs.length);
    answerAll(asked, taken);
  }

  private async publish(wakes: readonly Wake[]): Promise<void> {
    await this.attempt('waking', () => this.redis.client.publish(WAKE_CHANNEL, JSON.stringify(wakes)));
  }

  private async attempt(what: string, call: () => Promise<unknown>): Promise<boolean> {
    try {
      await within({ what, deadlineMs: RING_MS }, call());
      this.trouble.worked();
      return true;
    } catch (error) {
      this.trouble.failed(error);
      return false;
    }
  }
}

/** In parts that one round trip carries, each for one queue. */
function byQueue<T extends { readonly queue: QueueName }>(
  asked: readonly Asked<T>[],
): (readonly [QueueName, readonly Asked<T>[]])[] {
  const queues = new Map<QueueName, Asked<T>[]>();
  for (const one of asked) {
    const same = queues.get(one.what.queue);
    if (same) same.push(one);
    else queues.set(one.what.queue, [one]);
  }
  return [...queues].flatMap(([queue, all]) =>
    chunksOf(all, BULK_MAX).map((chunk) => [queue, chunk] as const),
  );
}

function answerAll(asked: readonly Asked<unknown>[], taken: boolean): void {
  for (const { answers } of asked) for (const answer of answers) answer(taken);
}
