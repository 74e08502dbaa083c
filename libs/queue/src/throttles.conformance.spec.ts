import 'reflect-metadata';
import { randomUUID } from 'node:crypto';
import { UNTHROTTLED } from '@plumbline/domain';
import type { QueueName, ResourceName, Throttle } from '@plumbline/domain';
import { Test } from '@nestjs/testing';
import type { INestApplicationContext } from '@nestjs/common';
import { Queue } from 'bullmq';
import { Registry } from 'prom-client';
import { Bell } from './bell.js';
import type { JobProcessor } from './job-processor.js';
import { laneProcessor } from './lane-processor.js';
import { QueueModule } from './queue.module.js';
import { QueueWatch } from './queue-watch.js';
import { workerConnection } from './redis.js';
import type { RedisConnection } from './redis.js';
import { connect, eventually, silent, testRedisUrl } from './testing/test-redis.js';
import { ThrottleKeeper } from './throttle-keeper.js';

const redisUrl = testRedisUrl(process.env['PLUMBLINE_TEST_REDIS'], 5);
const QUEUE: QueueName = 'ceph';

interface AsRead {
  readonly throttle: Throttle;
  readonly index: number;
}

/** What operators set, as the registry keeps it: a write lands only on what was read. */
class Settings {
  throttle: Throttle = UNTHROTTLED;
  index = 0;

  readonly read = async (): Promise<AsRead> => ({ throttle: this.throttle, index: this.index });
  readonly write = async (_queue: QueueName, throttle: Throttle, { index }: AsRead) => {
    if (index !== this.index) return false;
    this.set(throttle);
    return true;
  };

  set(change: Partial<Throttle>): void {
    this.throttle = { ...this.throttle, ...change };
    this.index += 1;
  }
}

describe('throttle', () => {
  let redis: RedisConnection;
  let queue: Queue;
  let bell: Bell;
  let watch: QueueWatch;
  let settings: Settings;
  let closing: (() => Promise<unknown>)[];

  beforeEach(async () => {
    redis = await connect(redisUrl);
    await redis.client.flushdb();
    queue = new Queue(QUEUE, { connection: workerConnection(redisUrl) });
    bell = new Bell({ redis, log: silent, metrics: new Registry() });
    watch = new QueueWatch(redis, silent);
    settings = new Settings();
    closing = [];
  });
  afterEach(async () => {
    for (const close of closing.reverse()) await close();
    await watch.close();
    await bell.close();
    await queue.close();
    redis.close();
  });

  const ring = (count: number) =>
    Promise.all(
      Array.from({ length: count }, () => bell.ring(QUEUE, `volume/${randomUUID()}` as ResourceName)),
    );

  /** A worker that holds each job until it is let go, and counts how many it holds at once. */
  async function worker(concurrency = 4) {
    const state = { seen: 0, now: 0, most: 0, holding: false, boot: randomUUID() };
    let letGo = () => {};
    const processor = laneProcessor({
      bell,
      queue: QUEUE,
      concurrency,
      log: silent,
      metrics: new Registry(),
      async handle() {
        state.seen += 1;
        state.now += 1;
        state.most = Math.max(state.most, state.now);
        if (state.holding) await new Promise<void>((resolve) => (letGo = both(letGo, resolve)));
        state.now -= 1;
      },
    });
    await run(processor);
    const keeper = new ThrottleKeeper({
      processor,
      configured: { concurrency, ratePerSecond: 0 },
      store: settings,
      breakers: () => [{ part: null, state: 'closed', failures: 0 }],
      redis,
      boot: state.boot,
      name: 'ceph-worker-1',
      now: Date.now,
      log: silent,
      metrics: new Registry(),
    });
    closing.push(() => keeper.close());
    await keeper.start();
    const free = () => {
      state.holding = false;
      letGo();
    };
    closing.push(async () => free());
    return { state, free };
  }

  async function run(processor: JobProcessor): Promise<void> {
    const imports = [QueueModule.register({ redisUrl, processors: [processor] })];
    const app: INestApplicationContext = await (await Test.createTestingModule({ imports }).compile()).init();
    closing.push(() => app.close());
  }

  it('pauses and goes on while running, keeps it when Redis is emptied, and says how it stands', async () => {
    const { state } = await worker();
    await ring(3);
    await eventually(() => expect(state.seen).toBe(3));
    settings.set({ paused: true });
    await eventually(async () => expect(await queue.isPaused()).toBe(true));
    await ring(5);
    await redis.client.flushdb();
    await eventually(async () => expect(await queue.isPaused()).toBe(true));
    await ring(5);
    await eventually(async () =>
      expect(await watch.standings([state.boot])).toMatchObject([
        { queue: QUEUE, name: 'ceph-worker-1', concurrency: 4, held: ['paused'] },
      ]),
    );
    expect(await watch.shown(QUEUE)).toMatchObject({ paused: true, bulk: 5 });
    expect(state.seen).toBe(3);
    settings.set({ paused: false });
    await eventually(() => expect(state.seen).toBe(8));
  });

  it('tells the registry when the queue is paused or resumed on the dashboard', async () => {
    // As it may be paused before any worker has ever looked.
    await queue.pause();
    const { state } = await worker();
    await eventually(() => expect(settings.throttle).toMatchObject({ paused: true, by: 'dashboard' }));
    const written = () => redis.client.hget(`bull:${QUEUE}:meta`, 'plumbline');
    await eventually(async () => expect(await written()).toContain('"paused":true'));
    await queue.resume();
    await eventually(() => expect(settings.throttle.paused).toBe(false));
    await eventually(async () => expect(await written()).toContain('"paused":false'));
    await ring(1);
    await eventually(() => expect(state.seen).toBe(1));
    await queue.pause();
    await eventually(() => expect(settings.throttle.paused).toBe(true));
    // And then it is as lasting as any other.
    await redis.client.flushdb();
    await eventually(async () => expect(await queue.isPaused()).toBe(true));
  });

  it('bounds jobs at a time, of each worker and over all of them', async () => {
    settings.set({ concurrency: 2 });
    const [one, other] = [await worker(), await worker()];
    for (const { state } of [one, other]) state.holding = true;
    await ring(20);
    await eventually(() => expect(one.state.now + other.state.now).toBe(4));
    settings.set({ concurrencyTotal: 3, concurrency: null });
    await eventually(async () => expect(await queue.getGlobalConcurrency()).toBe(3));
    for (const { state, free } of [one, other]) {
      free();
      state.holding = true;
    }
    await eventually(() => expect(one.state.now + other.state.now).toBe(3));
    settings.set({ concurrencyTotal: null });
    await eventually(async () => expect(await queue.getGlobalConcurrency()).toBeNull());
    one.free();
    other.free();
    await eventually(() => expect(one.state.seen + other.state.seen).toBe(20));
    expect(Math.max(one.state.most, other.state.most)).toBeLessThanOrEqual(4);
  });

  it('bounds jobs a second over all workers', async () => {
    settings.set({ ratePerSecond: 10 });
    const workers = [await worker(), await worker()];
    const seen = () => workers.reduce((sum, { state }) => sum + state.seen, 0);
    const from = performance.now();
    await ring(35);
    await eventually(() => expect(seen()).toBe(35));
    // Ten at once, and ten more each second: the last come in the fourth.
    expect(performance.now() - from).toBeGreaterThan(2500);
    settings.set({ ratePerSecond: 0 });
    await eventually(async () => expect(await queue.getGlobalRateLimit()).toMatchObject({ max: 1_000_000 }));
    settings.set({ ratePerSecond: null });
    await eventually(async () => expect(await queue.getGlobalRateLimit()).toBeNull());
  });
});

function both(one: () => void, other: () => void): () => void {
  return () => {
    one();
    other();
  };
}
