import 'reflect-metadata';
import { randomUUID } from 'node:crypto';
import type { AccountId, ResourceName } from '@plumbline/domain';
import { Test } from '@nestjs/testing';
import type { INestApplicationContext } from '@nestjs/common';
import { Queue } from 'bullmq';
import { Registry } from 'prom-client';
import { Bell } from './bell.js';
import { chunksOf } from './chunks.js';
import type { LaneJob } from './job.js';
import { laneProcessor } from './lane-processor.js';
import { LANES_RUNG_MAX } from './lane-script.js';
import { clearPlaces, lanesInLine, takenPlaces } from './places.js';
import { QueueModule } from './queue.module.js';
import { workerConnection } from './redis.js';
import type { RedisConnection } from './redis.js';
import { sweepLanes } from './sweep-markers.js';
import { connect, eventually, silent, testRedisUrl } from './testing/test-redis.js';

const redisUrl = testRedisUrl(process.env['PLUMBLINE_TEST_REDIS'], 4);
const QUEUE = 'ceph';

interface TestLane {
  readonly resource: ResourceName;
  readonly account: AccountId;
}

function lanesOf(account: string, count: number): TestLane[] {
  return Array.from({ length: count }, () => ({
    resource: `volume/${randomUUID()}`,
    account: account as AccountId,
  }));
}

/** A busy machine takes its time over hundreds of jobs, one after the other. */
const LONG_MS = 120_000;

describe('fairness', () => {
  let redis: RedisConnection;
  let queue: Queue;
  let bell: Bell;
  let app: INestApplicationContext | null;

  beforeEach(async () => {
    redis = await connect(redisUrl);
    await redis.client.flushdb();
    queue = new Queue(QUEUE, { connection: workerConnection(redisUrl) });
    bell = new Bell({ redis, log: silent, metrics: new Registry() });
    app = null;
  });
  afterEach(async () => {
    await app?.close();
    await bell.close();
    await queue.close();
    redis.close();
  });

  const [large, small] = [randomUUID(), randomUUID()];

  async function ringAll(lanes: readonly TestLane[], ahead = false): Promise<void> {
    // In parts, each with its deadline for itself: a busy machine must not make a ring late.
    for (const some of chunksOf(lanes, 50)) {
      const rings = some.map(({ resource, account }) => bell.ring(QUEUE, resource, { account, ahead }));
      expect((await Promise.all(rings)).every((taken) => taken)).toBe(true);
    }
  }

  const jobs = async () => (await queue.getJobs(['wait', 'prioritized'])).map((job) => job.data as LaneJob);
  const jobsOf = async (account: string) => (await jobs()).filter((job) => job.account === account).length;

  /** A worker that looks at each lane, and notes the order. */
  async function work(concurrency = 1, looked: (job: LaneJob) => Promise<void> = async () => {}) {
    const seen: ResourceName[] = [];
    const processor = laneProcessor({
      bell,
      queue: QUEUE,
      concurrency,
      log: silent,
      metrics: new Registry(),
      async handle(job) {
        seen.push(job.resource);
        await looked(job);
      },
    });
    const imports = [QueueModule.register({ redisUrl, processors: [processor] })];
    app = await (await Test.createTestingModule({ imports }).compile()).init();
    return seen;
  }

  const names = (lanes: readonly TestLane[]) => lanes.map(({ resource }) => resource);

  it(
    'gives an account no more than its places, and the rest of it each its turn, in order',
    async () => {
      const many = lanesOf(large, 300);
      await ringAll(many);
      expect(await jobsOf(large)).toBe(LANES_RUNG_MAX);
      const seen = await work();
      await eventually(() => expect(seen).toEqual(names(many)));
      // Nothing of it is left: neither places nor line nor counters.
      const left = async () => (await redis.client.keys(`bull:${QUEUE}:*`)).map((key) => key.split(':')[2]);
      await eventually(async () => {
        for (const name of ['rung', 'held', 'turns', 'line']) expect(await left()).not.toContain(name);
      });
    },
    LONG_MS,
  );

  it(
    'lets one account’s first lane wait for no more than the places of another, however many it has',
    async () => {
      const many = lanesOf(large, 600);
      await ringAll(many);
      const [first] = lanesOf(small, 1);
      await ringAll([first!]);
      const seen = await work();
      await eventually(() => expect(seen).toHaveLength(601), LONG_MS);
      expect(seen.indexOf(first!.resource)).toBeLessThanOrEqual(LANES_RUNG_MAX);
      expect(seen.filter((name) => name !== first!.resource)).toEqual(names(many));
    },
    LONG_MS,
  );

  it(
    'lets lanes that come back after a while stand in line like any other',
    async () => {
      const many = lanesOf(large, 300);
      await Promise.all(
        many.map(({ resource, account }) => bell.ring(QUEUE, resource, { account, delayMs: 1 })),
      );
      const [first] = lanesOf(small, 1);
      await ringAll([first!]);
      const seen = await work();
      await eventually(() => expect(new Set(seen).size).toBe(301), LONG_MS);
      expect(seen).toHaveLength(301);
      expect(seen.indexOf(first!.resource)).toBeLessThanOrEqual(LANES_RUNG_MAX);
    },
    LONG_MS,
  );

  it(
    'shares evenly between two accounts that both have many',
    async () => {
      const [one, other] = [lanesOf(large, 200), lanesOf(small, 200)];
      await ringAll(one);
      await ringAll(other);
      const seen = await work();
      await eventually(() => expect(seen).toHaveLength(400), LONG_MS);
      const ofOne = new Set(names(one));
      // From when both are at it until one of them has none left.
      const both = seen.slice(LANES_RUNG_MAX, 350).filter((name) => ofOne.has(name)).length;
      expect(both / (350 - LANES_RUNG_MAX)).toBeGreaterThan(0.4);
      expect(both / (350 - LANES_RUNG_MAX)).toBeLessThan(0.6);
    },
    LONG_MS,
  );

  it(
    'takes four lanes that go ahead for each of bulk, in the order of each',
    async () => {
      const accounts = Array.from({ length: 5 }, () => randomUUID());
      const bulk = accounts.flatMap((account) => lanesOf(account, 20));
      await ringAll(bulk);
      const ahead = accounts.flatMap((account) => lanesOf(account, 8));
      await ringAll(ahead, true);
      const seen = await work();
      await eventually(() => expect(seen).toHaveLength(140));
      const goesAhead = new Set(names(ahead));
      expect(seen.slice(0, 50).filter((name) => goesAhead.has(name))).toEqual(names(ahead));
      for (let five = 0; five < 50; five += 5)
        expect(seen.slice(five, five + 5).filter((name) => goesAhead.has(name))).toHaveLength(4);
      expect(seen.filter((name) => !goesAhead.has(name))).toEqual(names(bulk));
    },
    LONG_MS,
  );

  it(
    'takes four to one in an account’s own line too, and starves neither',
    async () => {
      const [bulk, ahead] = [lanesOf(large, 200), lanesOf(large, 100)];
      await ringAll(bulk);
      await ringAll(ahead, true);
      const goesAhead = new Set(names(ahead));
      const seen = await work();
      await eventually(() => expect(seen).toHaveLength(300));
      const first = seen
        .slice(LANES_RUNG_MAX, LANES_RUNG_MAX + 100)
        .filter((name) => goesAhead.has(name)).length;
      expect(first).toBeGreaterThanOrEqual(60);
      expect(first).toBeLessThanOrEqual(85);
    },
    LONG_MS,
  );

  it(
    'keeps a lane’s place until its last job has ended, and moves it ahead in its line',
    async () => {
      const many = lanesOf(large, LANES_RUNG_MAX + 2);
      await ringAll(many);
      await bell.ring(QUEUE, many[0]!.resource, { account: many[0]!.account });
      expect(await jobsOf(large)).toBe(LANES_RUNG_MAX + 1);
      const [later, last] = many.slice(-2);
      await bell.ring(QUEUE, last!.resource, { account: last!.account, ahead: true });
      await bell.leave(QUEUE, many[0]!.resource);
      expect(names(await inLine(many))).toEqual([later!.resource, last!.resource]);
      await bell.leave(QUEUE, many[0]!.resource);
      expect(names(await inLine(many))).toEqual([later!.resource]);
    },
    LONG_MS,
  );

  const swept = (lane: TestLane) => ({ ...lane, queue: QUEUE, index: 1, isParked: false, isAhead: false });

  async function inLine(lanes: readonly TestLane[]): Promise<readonly TestLane[]> {
    const found = await lanesInLine(redis, lanes.map(swept));
    return lanes.filter(({ resource }) => found.has(resource));
  }

  it(
    'gives the places of lanes that have ended to those in line, when nobody else did',
    async () => {
      const many = lanesOf(large, 100);
      await ringAll(many);
      const taken = await takenPlaces(redis, [QUEUE]);
      expect(taken).toHaveLength(LANES_RUNG_MAX);
      const ended = new Set(names(many.slice(0, 20)));
      await clearPlaces(taken, { bell, needsPlace: ({ resource }) => !ended.has(resource) });
      const now = (await takenPlaces(redis, [QUEUE])).map(({ resource }) => resource);
      expect(now.sort()).toEqual(names(many.slice(20, 20 + LANES_RUNG_MAX)).sort());
    },
    LONG_MS,
  );

  it(
    'rings again what had jobs that were lost, and takes it for one',
    async () => {
      const many = lanesOf(large, 100);
      await ringAll(many);
      await ringAll(many.slice(0, 10));
      await queue.drain(true);
      const all = many.map(swept);
      await sweepLanes(all, { redis, bell, wasAway: true });
      // Those in line are left to their account’s others.
      expect(await jobs()).toHaveLength(LANES_RUNG_MAX);
      const seen = await work(8);
      await eventually(() => expect(new Set(seen).size).toBe(100));
      await eventually(async () => expect(await takenPlaces(redis, [QUEUE])).toEqual([]));
    },
    LONG_MS,
  );

  it(
    'begins anew after Redis was emptied',
    async () => {
      const many = lanesOf(large, 500);
      await ringAll(many);
      await redis.client.flushdb();
      const [first] = lanesOf(small, 1);
      await sweepLanes([...many, first!].map(swept), { redis, bell, wasAway: false });
      expect(await jobsOf(large)).toBe(LANES_RUNG_MAX);
      expect(await jobsOf(small)).toBe(1);
      const seen = await work(8);
      await eventually(() => expect(new Set(seen).size).toBe(501), LONG_MS);
    },
    LONG_MS,
  );
});
