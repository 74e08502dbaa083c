import 'reflect-metadata';
import { randomUUID } from 'node:crypto';
import { ThrottledError } from '@plumbline/domain';
import type { ResourceName } from '@plumbline/domain';
import { Test } from '@nestjs/testing';
import type { INestApplicationContext } from '@nestjs/common';
import { Queue } from 'bullmq';
import { Registry } from 'prom-client';
import { Bell } from './bell.js';
import type { JobContext, JobOutcome, JobProcessor } from './job-processor.js';
import { drainProcessor, laneProcessor } from './lane-processor.js';
import { QueueModule } from './queue.module.js';
import { workerConnection } from './redis.js';
import type { RedisConnection } from './redis.js';
import { Proxy } from '@plumbline/testing';
import { connect, eventually, silent, testRedisUrl } from './testing/test-redis.js';

const redisUrl = testRedisUrl(process.env['PLUMBLINE_TEST_REDIS'], 2);
const QUEUE = 'qemu-host-a';
const newResource = (): ResourceName => `volume/${randomUUID()}`;

describe('processor', () => {
  let redis: RedisConnection;
  let proxy: Proxy;
  let queue: Queue;
  let bell: Bell;
  let apps: INestApplicationContext[];
  let metrics: Registry;

  beforeEach(async () => {
    redis = await connect(redisUrl);
    await redis.client.flushdb();
    proxy = await Proxy.before(redisUrl);
    queue = new Queue(QUEUE, { connection: workerConnection(redisUrl) });
    metrics = new Registry();
    bell = new Bell({ redis, log: silent, metrics: new Registry() });
    apps = [];
  });
  afterEach(async () => {
    proxy.become('passing');
    await closeAll();
    await bell.close();
    await queue.close();
    await proxy.close();
    redis.close();
  });

  async function run(processors: readonly JobProcessor[]): Promise<void> {
    const imports = [QueueModule.register({ redisUrl: proxy.url, processors })];
    const app = await Test.createTestingModule({ imports }).compile();
    apps.push(await app.init());
  }

  async function closeAll(): Promise<void> {
    for (const app of apps.splice(0)) await app.close();
  }

  function lanes(handle: (resource: ResourceName, context: JobContext) => Promise<JobOutcome>): JobProcessor {
    return laneProcessor({
      bell,
      queue: QUEUE,
      concurrency: 4,
      log: silent,
      metrics,
      handle: (lane, context) => handle(lane.resource, context),
    });
  }

  /** Lanes looked at, in order. */
  function recording(): { seen: ResourceName[]; processor: JobProcessor } {
    const seen: ResourceName[] = [];
    return { seen, processor: lanes(async (resource) => void seen.push(resource)) };
  }

  it('drops poisoned jobs, and lives', async () => {
    const { seen, processor } = recording();
    for (const data of [null, 7, 'volume', [], {}, { resource: 'volume/1' }, { resource: 7 }]) {
      await queue.add('poison', data);
    }
    // Not even JSON: BullMQ itself cannot read these.
    const [broken, unusable] = [await queue.add('poison', {}), await queue.add('poison', {})];
    await redis.client.hset(`bull:${QUEUE}:${broken.id}`, 'data', '{"resource":');
    await redis.client.hset(`bull:${QUEUE}:${unusable.id}`, 'opts', 'nonsense');
    await run([processor]);
    for (let rings = 0; rings < 20; rings++) {
      const lane = newResource();
      await bell.ring(QUEUE, lane);
      await eventually(() => expect(seen).toContain(lane));
    }
    const dropped = await metrics.getSingleMetricAsString('plumbline_jobs_total');
    expect(dropped).toContain(`{queue="${QUEUE}",outcome="dropped"} 8`);
    expect(await redis.client.exists(`bull:${QUEUE}:${broken.id}`)).toBe(0);
  });

  it('shows a job whose handler failed as failed, and goes on', async () => {
    const bad = newResource();
    const seen: ResourceName[] = [];
    await run([
      lanes(async (resource) => {
        if (resource === bad) throw new Error('our mistake');
        seen.push(resource);
      }),
    ]);
    await bell.ring(QUEUE, bad);
    const good = newResource();
    await bell.ring(QUEUE, good);
    await eventually(() => expect(seen).toEqual([good]));
    await eventually(async () => {
      const [job] = await queue.getFailed();
      expect(job?.failedReason).toBe('our mistake');
      expect(job?.attemptsMade).toBe(1);
    });
  });

  it.each([
    ['returned', () => ({ throttledMs: 400 })],
    [
      'thrown',
      () => {
        throw new ThrottledError('asking the source', 400);
      },
    ],
  ])('slows every worker of the queue, and looks again, when throttling is %s', async (_how, throttle) => {
    const times: number[] = [];
    const handle = async () => {
      times.push(performance.now());
      if (times.length === 1) return throttle();
    };
    await run([lanes(handle)]);
    await run([lanes(handle)]);
    await bell.ring(QUEUE, newResource());
    await eventually(() => expect(times).toHaveLength(1));
    await eventually(async () => expect(await queue.getRateLimitTtl()).toBeGreaterThan(0));
    for (let ring = 0; ring < 8; ring++) await bell.ring(QUEUE, newResource());
    await eventually(() => expect(times).toHaveLength(10));
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThan(350);
    await eventually(async () => expect(await queue.getJobCounts('completed')).toEqual({ completed: 9 }));
  });

  it('takes no jobs while it is held, and all of them afterwards', async () => {
    const { seen, processor } = recording();
    await run([processor]);
    await processor.hold('outage');
    // A look that was under way may still bring one job.
    const held = Array.from({ length: 20 }, newResource);
    await Promise.all(held.map((lane) => bell.ring(QUEUE, lane)));
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(seen.length).toBeLessThanOrEqual(1);
    await processor.resume('outage');
    await eventually(() => expect([...seen].sort()).toEqual([...held].sort()));
  });

  it.each(['hung', 'refusing'] as const)(
    'goes on by itself after Redis was %s',
    async (manner) => {
      const { seen, processor } = recording();
      await run([processor]);
      const before = newResource();
      await bell.ring(QUEUE, before);
      await eventually(() => expect(seen).toContain(before));
      proxy.become(manner);
      const during = newResource();
      // A ring that Redis did not take in time is the sweep's matter, not the worker's.
      await eventually(async () => expect(await bell.ring(QUEUE, during)).toBe(true));
      await new Promise((resolve) => setTimeout(resolve, 1500));
      proxy.become('passing');
      await eventually(() => expect(seen).toContain(during));
    },
    40_000,
  );

  it('goes on after Redis was emptied under its hands', async () => {
    const { seen, processor } = recording();
    await run([processor]);
    for (let round = 0; round < 3; round++) {
      const lane = newResource();
      await redis.client.flushdb();
      await bell.ring(QUEUE, lane);
      await eventually(() => expect(seen).toContain(lane));
    }
  });

  it('tells its handlers that the process ends, and waits for them', async () => {
    let ended = false;
    let began = false;
    await run([
      lanes(async (_resource, { signal }) => {
        began = true;
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
        await new Promise((resolve) => setTimeout(resolve, 50));
        ended = true;
      }),
    ]);
    await bell.ring(QUEUE, newResource());
    await eventually(() => expect(began).toBe(true));
    await closeAll();
    expect(ended).toBe(true);
    expect(await queue.getJobCounts('active', 'completed')).toEqual({ active: 0, completed: 1 });
  });

  it.each(['hung', 'refusing'] as const)('closes in time while Redis is %s', async (manner) => {
    const { seen, processor } = recording();
    await run([processor]);
    const lane = newResource();
    await bell.ring(QUEUE, lane);
    await eventually(() => expect(seen).toContain(lane));
    proxy.become(manner);
    // Long enough for the worker to notice, and to be busy reconnecting.
    await new Promise((resolve) => setTimeout(resolve, 300));
    const from = performance.now();
    await closeAll();
    expect(performance.now() - from).toBeLessThan(4000);
  });

  it('drains once for many rings, beside the lanes of another queue', async () => {
    let drains = 0;
    const { seen, processor } = recording();
    const billing = drainProcessor({
      queue: 'billing',
      log: silent,
      metrics,
      handle: async () => void drains++,
    });
    await run([processor, billing]);
    for (let ring = 0; ring < 10; ring++) bell.drain('billing');
    const lane = newResource();
    await bell.ring(QUEUE, lane);
    await eventually(() => expect([drains, seen]).toEqual([1, [lane]]));
  });
});
