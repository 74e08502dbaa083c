import { randomUUID } from 'node:crypto';
import type { AccountId, IntentId, ResourceName } from '@plumbline/domain';
import { Queue, Worker } from 'bullmq';
import { Registry } from 'prom-client';
import { Bell } from './bell.js';
import { Listener } from './listener.js';
import { RedisConnection, workerConnection } from './redis.js';
import { sweepLanes } from './sweep-markers.js';
import { Proxy } from '@plumbline/testing';
import { connect, eventually, silent, testRedisUrl } from './testing/test-redis.js';
import { Waiters } from './waiters.js';

const redisUrl = testRedisUrl(process.env['PLUMBLINE_TEST_REDIS'], 1);
/** As long as a ring may take. */
const TIMER_MS = 250;
/** What a ring may take at most, and what a busy machine adds to it. */
const RING_MS = TIMER_MS + 250;

const newResource = (): ResourceName => `volume/${randomUUID()}`;

describe('bell', () => {
  let redis: RedisConnection;
  let proxy: Proxy;
  let proxied: RedisConnection;
  let bell: Bell;
  let queue: Queue;

  beforeEach(async () => {
    redis = await connect(redisUrl);
    await redis.client.flushdb();
    proxy = await Proxy.before(redisUrl);
    proxied = await connect(proxy.url);
    bell = new Bell({ redis: proxied, log: silent, metrics: new Registry() });
    queue = new Queue('ceph', { connection: workerConnection(redisUrl) });
  });
  afterEach(async () => {
    await bell.close();
    proxied.close();
    await proxy.close();
    await queue.close();
    redis.close();
  });

  const waitingResources = async () =>
    (await queue.getJobs(['wait', 'prioritized'])).map((job) => (job.data as { resource: string }).resource);

  /** How long a call took, less what a bare timer beside it was late: while the machine stands still, nothing is in time. */
  async function timed(call: () => Promise<boolean>): Promise<{ taken: boolean; tookMs: number }> {
    const from = performance.now();
    const timer = new Promise<number>((done) => {
      setTimeout(() => done(performance.now() - from - TIMER_MS), TIMER_MS);
    });
    const taken = await call();
    const tookMs = performance.now() - from;
    return { taken, tookMs: tookMs - Math.max(0, await timer) };
  }

  it('rings every lane of a tick once', async () => {
    const lanes = Array.from({ length: 600 }, newResource);
    await Promise.all([...lanes, ...lanes].map((lane) => bell.ring('ceph', lane)));
    lanes.sort();
    await eventually(async () => expect((await waitingResources()).sort()).toEqual(lanes));
  });

  it('rings later when asked to', async () => {
    expect(await bell.ring('ceph', newResource(), { delayMs: 60_000 })).toBe(true);
    expect(await queue.getJobCounts('wait', 'prioritized', 'delayed')).toEqual({
      wait: 0,
      prioritized: 0,
      delayed: 1,
    });
  });

  it('makes one job of many drains', async () => {
    for (let ring = 0; ring < 50; ring++) bell.drain('ceph');
    await eventually(async () => expect(await queue.getJobs(['wait'])).toHaveLength(1));
  });

  it.each(['hung', 'refusing'] as const)(
    'answers in time while Redis is %s, and again after',
    async (manner) => {
      expect(await bell.ring('ceph', newResource())).toBe(true);
      proxy.become(manner);
      for (let ring = 0; ring < 8; ring++) {
        const { taken, tookMs } = await timed(() => bell.ring('ceph', newResource()));
        expect(taken).toBe(false);
        expect(tookMs).toBeLessThan(RING_MS);
      }
      // Cut off for being silent by now: no longer worth waiting for.
      if (manner === 'hung') await eventually(() => expect(proxied.client.status).not.toBe('ready'));
      expect((await timed(() => bell.ring('ceph', newResource()))).tookMs).toBeLessThan(50);
      proxy.become('passing');
      await eventually(async () => expect(await bell.ring('ceph', newResource())).toBe(true));
    },
  );

  it('starts, and rings in vain, without Redis', async () => {
    proxy.become('refusing');
    const connection = new RedisConnection({ redisUrl: proxy.url, name: 'early', log: silent });
    const early = new Bell({ redis: connection, log: silent, metrics: new Registry() });
    expect(await early.ring('ceph', newResource())).toBe(false);
    proxy.become('passing');
    await eventually(async () => expect(await early.ring('ceph', newResource())).toBe(true));
    await early.close();
    connection.close();
  });

  it('says so when Redis answers but refuses to write', async () => {
    // As a full or read-only Redis does, but for this connection only: other suites share the server.
    await redis.client.acl(
      'SETUSER',
      'reader',
      'on',
      '>reader',
      '~*',
      '&*',
      '+@all',
      '-@write',
      '-@scripting',
    );
    const readerUrl = new URL(redisUrl);
    readerUrl.username = readerUrl.password = 'reader';
    const reader = await connect(readerUrl.href);
    const refused = new Bell({ redis: reader, log: silent, metrics: new Registry() });
    const { taken, tookMs } = await timed(() => refused.ring('ceph', newResource()));
    expect(taken).toBe(false);
    expect(tookMs).toBeLessThan(RING_MS);
    await refused.close();
    reader.close();
    await redis.client.acl('DELUSER', 'reader');
  });

  it('is not swallowed by an older job of the lane, be it active, completed or failed', async () => {
    const lane = newResource();
    let runs = 0;
    let letGo = () => {};
    const held = new Promise<void>((resolve) => (letGo = resolve));
    const worker = new Worker(
      'ceph',
      async () => {
        runs++;
        if (runs === 1) await held;
        if (runs === 2) throw new Error('no');
      },
      { connection: workerConnection(redisUrl) },
    );
    worker.on('error', () => undefined);
    expect(await bell.ring('ceph', lane)).toBe(true);
    await eventually(() => expect(runs).toBe(1));
    expect(await bell.ring('ceph', lane)).toBe(true);
    letGo();
    await eventually(async () => expect(await queue.getJobCounts('failed')).toEqual({ failed: 1 }));
    expect(await bell.ring('ceph', lane)).toBe(true);
    await eventually(() => expect(runs).toBe(3));
    await worker.close();
  });

  describe('waiting', () => {
    it('ends at a wake, long before the next poll, and by the poll when the wake was lost', async () => {
      const listener = new Listener({ redisUrl: proxy.url, name: 'test', log: silent });
      const ended = new Map<IntentId, string>();
      let looks = 0;
      const waiters = new Waiters({
        listener,
        log: silent,
        look: async () => {
          looks++;
          return ended;
        },
      });
      const intent = () => ({ resource: newResource(), intent: randomUUID() as IntentId });
      await eventually(async () => {
        const [, subscribers] = await redis.client.pubsub('NUMSUB', 'plumbline:wakes');
        expect(subscribers).toBe(1);
      });

      const first = intent();
      const woken = waiters.waitFor(first, { deadlineMs: 10_000 });
      ended.set(first.intent, 'done');
      bell.wake(first.resource, first.intent);
      expect(await woken).toBe('done');
      expect(looks).toBe(1);

      const second = intent();
      const polled = waiters.waitFor(second, { deadlineMs: 10_000 });
      ended.set(second.intent, 'done');
      expect(await polled).toBe('done');

      expect(await waiters.waitFor(intent(), { deadlineMs: 10 })).toBe(null);
      expect(waiters.waitingCount).toBe(0);

      waiters.close();
      listener.close();
    });

    it('hears again after its connection had fallen silent', async () => {
      const listener = new Listener({ redisUrl: proxy.url, name: 'test', log: silent });
      const heard: unknown[] = [];
      await listener.listen('test:news', (message) => heard.push(message));
      const before = proxy.accepted;
      proxy.become('hung');
      // Nobody tells it: it has to find out by itself, and tries another connection.
      await eventually(() => expect(proxy.accepted).toBeGreaterThan(before));
      proxy.become('passing');
      await eventually(async () => {
        await redis.client.publish('test:news', '"still there?"');
        expect(heard).toContain('still there?');
      });
      listener.close();
    }, 60_000);
  });

  describe('sweep', () => {
    const lane = (index: number) => ({
      resource: newResource(),
      account: randomUUID() as AccountId,
      queue: 'ceph',
      index,
      isParked: false,
      isAhead: false,
    });

    it('rings all lanes at once after Redis was emptied, and then leaves them their time', async () => {
      const lanes = [lane(1), lane(2), { ...lane(3), isParked: true }];
      const sweep = () => sweepLanes(lanes, { redis: proxied, bell, wasAway: false });
      expect(await sweep()).toEqual({ rung: 2, refused: 0, isFlushed: true });
      expect(await sweep()).toEqual({ rung: 0, refused: 0, isFlushed: false });
      await redis.client.flushdb();
      expect(await sweep()).toEqual({ rung: 2, refused: 0, isFlushed: true });
      expect(await waitingResources()).toHaveLength(2);
      // A lane that went leaves nothing behind.
      await sweepLanes([], { redis: proxied, bell, wasAway: false });
      expect(await redis.client.hkeys('plumbline:sweep')).toEqual(['epoch']);
    });

    it('rings at once after Redis was away what it has not seen before', async () => {
      await sweepLanes([], { redis: proxied, bell, wasAway: false });
      const [seen, unseen] = [lane(1), lane(2)];
      expect(await sweepLanes([seen], { redis: proxied, bell, wasAway: false })).toMatchObject({ rung: 0 });
      const result = await sweepLanes([seen, unseen], { redis: proxied, bell, wasAway: true });
      expect(result).toEqual({ rung: 1, refused: 0, isFlushed: false });
      expect(await waitingResources()).toEqual([unseen.resource]);
    });

    it('rings a lane that stood still, and no other', async () => {
      const still = lane(7);
      const moving = lane(8);
      await sweepLanes([], { redis: proxied, bell, wasAway: false });
      await sweepLanes([still, moving], { redis: proxied, bell, wasAway: false });
      // As if five seconds had passed.
      const key = 'plumbline:sweep';
      for (const { resource } of [still, moving]) {
        const marker = JSON.parse((await redis.client.hget(key, resource)) ?? '') as { atMs: number };
        marker.atMs -= 5000;
        await redis.client.hset(key, resource, JSON.stringify(marker));
      }
      const result = await sweepLanes([still, { ...moving, index: 9 }], {
        redis: proxied,
        bell,
        wasAway: false,
      });
      expect(result).toEqual({ rung: 1, refused: 0, isFlushed: false });
      expect(await waitingResources()).toEqual([still.resource]);
    });
  });
});
