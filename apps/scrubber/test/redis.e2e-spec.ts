import { randomUUID } from 'node:crypto';
import * as tools from '@plumbline/stack';
import { System } from '@plumbline/testing';
import type { ShownVolume } from '@plumbline/testing';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';

const minuteMs = 60_000;
/** A ring is given up after 250 ms; the rest is the registry's, and a busy machine's. */
const recordedMs = 2_000;
/** The next sweep, at most five seconds away, and the work itself; a busy machine takes a little longer. */
const sweptMs = 12_000;
/** Jobs that a throttled queue has, and how many of them a second it lets go. */
const slowCount = 10;
const slowPerSecond = 2;

/** Redis is a doorbell: whatever becomes of it, what was recorded is carried out, because the scrubber sweeps. */
describe('a system whose Redis cannot be relied on', () => {
  let system: System;
  let redis: Redis;

  beforeAll(async () => {
    system = await System.start(tools);
    redis = new Redis(system.variable('REDIS_URL'), { maxRetriesPerRequest: null });
    redis.on('error', () => undefined); // It is stopped and paused here; the client comes back by itself.
  }, 3 * minuteMs);

  afterAll(async () => {
    redis.disconnect();
    await system.stack.stop();
  }, minuteMs);

  it.each([
    ['stopped', () => system.stack.halt('redis'), () => system.stack.restore()],
    ['hung', async () => system.stack.pause('redis'), async () => system.stack.resume('redis')],
  ])(
    'records requests as usual while Redis is %s, and carries them out when it is back',
    async (how, away, back) => {
      const before = await system.create(`before-${how}`);
      await away();
      const waiting = system.ask<{ volume: ShownVolume }>('POST', '/v2/volumes', {
        body: system.wish(`waiting-${how}`),
      });
      const recorded = await recordWithout(how, before).finally(back);
      await system.completed(recorded, sweptMs);
      expect((await waiting).status).toBe(201);
      expect(await system.disagreements()).toEqual([]);
      await system.degradedBy([]);
    },
    2 * minuteMs,
  );

  /** Redis is away: requests are answered in time, read from the registry, and nothing of them is lost. */
  const recordWithout = async (prefix: string, grown: string): Promise<readonly number[]> => {
    const recorded = await system.recordMany(prefix, 10);
    for (const { tookMs } of recorded) expect(tookMs).toBeLessThan(recordedMs);
    const grow = await system.begin(grown, { type: 'resize', size_gigabytes: 2 });
    expect((await system.volume(grown)).size_gigabytes).toBe(1);
    const lanes = (await system.lanes()).map(({ resource }) => resource);
    expect(lanes).toEqual(expect.arrayContaining(recorded.map(({ volume }) => `volume/${volume}`)));
    await system.degradedBy(['redis']);
    return [grow, ...recorded.map(({ action }) => action)];
  };

  it(
    'carries out a hundred intents that waited when Redis was emptied',
    async () => {
      const before = (await system.images()).length;
      await system.stack.scale('ceph-worker', 0);
      const recordAndFlush = async () => {
        const all = await system.recordMany('flushed', 100);
        expect(await system.images()).toHaveLength(before);
        // An account's first lanes have jobs; the others stand in line.
        const [line = ''] = await redis.keys('bull:ceph:line:*');
        const waiting = (await redis.zcard('bull:ceph:prioritized')) + (await redis.zcard(line));
        expect(waiting).toBeGreaterThan(90);
        await redis.flushall();
        return all;
      };
      const recorded = await recordAndFlush().finally(() => system.stack.scale('ceph-worker', 1));
      await system.completed(recorded.map(({ action }) => action));
      expect(await system.images()).toHaveLength(before + 100);
      expect(await system.disagreements()).toEqual([]);
    },
    2 * minuteMs,
  );

  interface Throttled {
    readonly queue: { readonly paused: boolean; readonly bulk: number; readonly active: number };
    readonly workers: readonly { readonly concurrency: number; readonly held: readonly string[] }[];
  }

  it(
    'works at a source as operators say, from then on: not at all, slowly, one at a time, and as before',
    async () => {
      const asked = async (method = 'GET', body?: object): Promise<Throttled> => {
        const answer = await system.operate<{ throttle: Throttled }>(method, 'throttles/ceph', body);
        expect(answer.status).toBe(200);
        return answer.body.throttle;
      };
      const set = (settings: object) => asked('PATCH', { by: 'e2e', ...settings });
      const shown = (what: string, is: (throttle: Throttled) => boolean) =>
        tools.waitFor(async () => is(await asked()), { what });
      const usual = (await asked()).workers.map(({ concurrency }) => concurrency);

      await set({ paused: true, concurrency: 1, ratePerSecond: slowPerSecond });
      await shown('a worker that is paused, and takes one job at a time', ({ workers }) =>
        workers.every(({ concurrency, held }) => concurrency === 1 && held.includes('paused')),
      );
      expect(await system.metric('ceph-worker-1', 'plumbline_throttle_paused', ['queue="ceph"'])).toBe(1);
      const [images, done] = [(await system.images()).length, await system.jobsDone('ceph-worker-1', 'ceph')];
      const recorded = await system.recordMany('throttled', slowCount);
      await shown('all of them waiting', ({ queue }) => queue.bulk === slowCount && queue.active === 0);
      expect(await system.images()).toHaveLength(images);
      expect(await system.jobsDone('ceph-worker-1', 'ceph')).toBe(done);

      const began = performance.now();
      await set({ paused: false });
      const atOnce: number[] = [];
      await shown('the last of them taken', ({ queue }) => {
        atOnce.push(queue.active);
        return queue.bulk === 0;
      });
      // By the queue's own seconds: of each only so many, and the first may be nearly over when it begins.
      expect(performance.now() - began).toBeGreaterThan((slowCount / slowPerSecond - 2) * 1_000);
      expect(Math.max(...atOnce)).toBe(1);
      await system.completed(recorded.map(({ action }) => action));

      await asked('PUT', { by: 'e2e' });
      await shown('the worker as it was', ({ workers }) =>
        workers.every(({ concurrency, held }, n) => concurrency === usual[n] && held.length === 0),
      );
      expect(await system.disagreements()).toEqual([]);
    },
    2 * minuteMs,
  );

  const worked = ['ceph', 'qemu-host-a', 'billing'];
  const queues = [...worked, ...worked.map((queue) => `looks-${queue}`)];
  const poison: readonly unknown[] = [
    {},
    null,
    7,
    'volume/',
    [],
    { resource: 7 },
    { resource: 'volume/../../accounts' },
    { resource: 'snapshot/x', drain: 'yes' },
    { ask: { places: [{}] }, id: 1 },
    { ask: { list: 'ceph.image' }, id: 'x', replyTo: 'anywhere' },
    { resource: 'x'.repeat(500_000) },
  ];

  it(
    'drops poisoned jobs in every queue, says so, and goes on',
    async () => {
      const workers = ['ceph-worker-1', 'qemu-worker', 'billing-worker-1'];
      const pids = workers.map((name) => system.stack.process(name).pid);
      for (const name of queues) {
        const queue = new Queue(name, { connection: redis });
        const jobs = await queue.addBulk(poison.map((data) => ({ name: 'poison', data })));
        await addUnreadable(name);
        const last = await queue.add('poison', {});
        for (const { id = '' } of [...jobs, last]) {
          const ended = async () => ((await queue.getJob(id))?.returnvalue as string | null) ?? undefined;
          expect(await tools.waitFor(ended, { what: `the end of a poisoned job of ${name}` })).toMatch(
            /^dropped/,
          );
        }
        await queue.close();
      }
      const logged = workers.flatMap((worker) => system.logged(worker).split('\n'));
      const dropped = logged.filter((line) => line.includes('dropped a malformed job'));
      for (const name of queues)
        expect(dropped.filter((line) => line.includes(`"queue":"${name}"`))).toHaveLength(poison.length + 2);

      const id = await system.create('after-poison');
      await system.act(id, { type: 'attach', droplet_id: Number(system.variable('PLUMBLINE_VM')) });
      expect(await system.disagreements()).toEqual([]);
      const truth = await system.operate<{ verdict: string }>('GET', `volumes/${id}/truth`);
      expect(truth.body.verdict).toBe('agreed');
      expect(workers.map((name) => system.stack.process(name).pid)).toEqual(pids);
      expect((await system.stack.status()).filter(({ state }) => state !== 'ready')).toEqual([]);
    },
    2 * minuteMs,
  );

  /** A job whose data are no JSON, as no library would write it. */
  const addUnreadable = async (queue: string): Promise<void> => {
    const id = `unreadable-${randomUUID()}`;
    const job = { name: 'poison', data: '{broken', opts: '{}', timestamp: Date.now(), delay: 0, priority: 0 };
    await redis.hset(`bull:${queue}:${id}`, job);
    await redis.lpush(`bull:${queue}:wait`, id);
  };
});
