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
import { OpenQueues } from './open-queues.js';
import type { RedisConnection } from './redis.js';
import { Trouble } from './trouble.js';

const RING_MS = 250;
/** Jobs added in one round trip: few enough for its deadline, also in a process that has just begun. */
const BULK_MAX = 200;
/** Rings that may wait for the end of a tick; one more fails. */
const PENDING_MAX = 20_000;
/** Rings for what is owed are gathered this long: one job drains all of it. */
const DRAIN_GATHER_MS = 250;
/** Wakes in one message. */
const WAKES_MAX = 1000;

export const WAKE_CHANNEL = 'plumbline:wakes';

export interface Wake {
  readonly resource: ResourceName;
  readonly intent: IntentId;
}

interface Ring {
  readonly data: LaneJob | DrainJob;
  readonly delayMs: number;
  readonly taken: (taken: boolean) => void;
}

export class Bell {
  private readonly redis: RedisConnection;
  private readonly trouble: Trouble;
  private readonly rings: Counter<'queue' | 'taken'>;
  private readonly queues: OpenQueues;
  private readonly pending = new Map<QueueName, Ring[]>();
  private pendingCount = 0;
  private readonly draining = new Map<QueueName, NodeJS.Timeout>();
  private wakes: Wake[] = [];
  private isScheduled = false;

  constructor({ redis, log, metrics }: { redis: RedisConnection; log: Logger; metrics: Registry }) {
    this.redis = redis;
    this.trouble = new Trouble(log, 'ring');
    this.queues = new OpenQueues(redis, this.trouble);
    this.rings = new Counter({
      name: 'plumbline_rings_total',
      help: 'Rings, by whether Redis took them.',
      labelNames: ['queue', 'taken'],
      registers: [metrics],
    });
  }

  /** Never rejects, and answers within 250 ms: false when Redis did not say in time that it took the ring. */
  ring(
    queue: QueueName,
    resource: ResourceName,
    { delayMs = 0, account }: { delayMs?: number; account?: AccountId } = {},
  ): Promise<boolean> {
    return this.add(queue, account === undefined ? { resource } : { resource, account }, delayMs);
  }

  /** Rings for what is owed to a derived source. Many of these become one job. */
  drain(queue: QueueName): void {
    if (this.draining.has(queue)) return;
    const timer = setTimeout(() => {
      this.draining.delete(queue);
      void this.add(queue, { drain: true }, 0);
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
      void this.add(queue, { drain: true }, 0);
    }
    this.draining.clear();
    await this.flush();
    await this.queues.close();
  }

  private add(queue: QueueName, data: LaneJob | DrainJob, delayMs: number): Promise<boolean> {
    if (this.pendingCount >= PENDING_MAX) return Promise.resolve(false);
    return new Promise((taken) => {
      const rings = this.pending.get(queue) ?? [];
      this.pending.set(queue, rings);
      rings.push({ data, delayMs, taken });
      this.pendingCount++;
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
    const batches = [...this.pending];
    const wakes = this.wakes;
    this.pending.clear();
    this.pendingCount = 0;
    this.wakes = [];
    const added = batches.flatMap(([queue, rings]) =>
      chunksOf(gathered(rings), BULK_MAX).map((chunk) => this.addAll(queue, chunk)),
    );
    const published = chunksOf(wakes, WAKES_MAX).map((chunk) => this.publish(chunk));
    await Promise.all([...added, ...published]);
  }

  private async addAll(name: QueueName, rings: readonly GatheredRing[]): Promise<void> {
    const jobs = rings.map(({ data, delayMs }) => ({
      name: 'resource' in data ? 'lane' : 'drain',
      data,
      opts: delayMs > 0 ? { ...JOB_OPTIONS, delay: delayMs } : JOB_OPTIONS,
    }));
    const taken = await this.attempt(`ringing at ${name}`, () => this.queues.get(name).addBulk(jobs));
    this.rings.inc({ queue: name, taken: String(taken) }, rings.length);
    for (const ring of rings) for (const answer of ring.answers) answer(taken);
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

interface GatheredRing extends Omit<Ring, 'taken'> {
  readonly answers: Ring['taken'][];
}

/** One job is enough for all rings of a lane in one tick. */
function gathered(rings: readonly Ring[]): readonly GatheredRing[] {
  const distinct = new Map<string, GatheredRing>();
  for (const { data, delayMs, taken } of rings) {
    const key = `${delayMs} ${JSON.stringify(data)}`;
    const same = distinct.get(key);
    if (same) same.answers.push(taken);
    else distinct.set(key, { data, delayMs, answers: [taken] });
  }
  return [...distinct.values()];
}
