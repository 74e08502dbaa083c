import { createHash, randomUUID } from 'node:crypto';
import { createServer } from 'node:net';
import * as tools from '@plumbline/stack';
import { System } from '@plumbline/testing';

const minuteMs = 60_000;
/** Between two starts. */
const apartMs = 300;
const parts = ['ceph-osd', 'ceph-mon', 'consul', 'redis', 'postgres'];
const apps = ['api', 'ceph-worker-1', 'qemu-worker', 'billing-worker-1', 'scrubber-1'];

/** On a Ceph with disks: what was written is still there after `kill -9`. */
describe('a system of which something dies without a word', () => {
  let system: System;

  beforeAll(async () => {
    system = await System.start(tools, { ephemeral: false });
  }, 3 * minuteMs);

  afterAll(() => system.stack.purge(), minuteMs);

  const bootsOfAll = async () => Promise.all(apps.map(async (name) => [name, await system.bootsOf(name)]));

  const liveOne = async (name: string): Promise<void> => {
    const id = await system.create(name);
    await system.act(id, { type: 'resize', size_gigabytes: 2 });
    expect((await system.ask('DELETE', `/v2/volumes/${id}`)).status).toBe(204);
    expect(await system.disagreements()).toEqual([]);
  };

  it.each(parts)(
    'goes on by itself when %s was killed and started again',
    async (part) => {
      const before = await bootsOfAll();
      await system.stack.kill(part);
      await system.stack.restore();
      await liveOne(`after-${part}`);
      expect(await bootsOfAll()).toEqual(before);
    },
    2 * minuteMs,
  );

  it(
    'follows a part whose port was taken while it was dead',
    async () => {
      const { port } = system.stack.process('redis');
      await system.stack.kill('redis');
      const stranger = createServer().listen(Number(port), '127.0.0.1');
      try {
        await system.stack.restore();
        await liveOne('moved');
      } finally {
        stranger.close();
      }
    },
    3 * minuteMs,
  );

  /** Orders of starting: the same of a seed, and so of a failure that is looked into. */
  const orderOf = (seed: string) => (a: string, b: string) => drawn(seed, a) - drawn(seed, b);
  const drawn = (seed: string, name: string): number =>
    createHash('sha256').update(`${seed} ${name}`).digest().readUInt32BE();
  /** Apps first and apps last are the extremes; the others are drawn, new ones each day. */
  const isApp = (name: string): number => Number(apps.includes(name));
  const today = new Date().toISOString().slice(0, 10);
  const orders: readonly [string, (a: string, b: string) => number][] = [
    ['with the apps before what they need', (a, b) => isApp(b) - isApp(a)],
    [`in the order ${today} a`, orderOf(`${today} a`)],
    [`in the order ${today} b`, orderOf(`${today} b`)],
  ];

  /** One after the other, without waiting for any of them to be ready; Ceph's processes are one. */
  const startInOrder = async (names: readonly string[], order: (a: string, b: string) => number) => {
    const all = [...names, 'ceph-worker-1'].filter((name) => name !== 'ceph-osd' && name !== 'ceph-mgr');
    const starts: Promise<void>[] = [];
    for (const name of all.toSorted(order)) {
      const start = system.stack.start(name);
      start.catch(() => undefined); // Told below, when all were begun.
      starts.push(start);
      await new Promise((resolve) => setTimeout(resolve, apartMs));
    }
    await Promise.all(starts);
    await system.stack.restore();
  };

  it.each(orders)(
    'carries out what was recorded before everything was killed at once, started %s',
    async (_how, order) => {
      await system.stack.halt('ceph-worker-1');
      const recorded = await system.recordMany(`before-${randomUUID()}`, 20);
      const names = (await system.stack.status())
        .map(({ name }) => name)
        .filter((name) => name !== 'ceph-worker-1');
      await Promise.all(names.map((name) => system.stack.kill(name)));
      await startInOrder(names, order);
      await system.completed(recorded.map(({ action }) => action));
      await liveOne(`after-all-${randomUUID()}`);
    },
    3 * minuteMs,
  );
});
