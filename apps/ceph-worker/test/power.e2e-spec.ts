import { createServer } from 'node:net';
import * as tools from '@plumbline/stack';
import { System } from '@plumbline/testing';

const minuteMs = 60_000;
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

  it(
    'carries out what was recorded before everything was killed at once',
    async () => {
      await system.stack.halt('ceph-worker-1');
      const recorded = await system.recordMany('before', 20);
      const names = (await system.stack.status())
        .map(({ name }) => name)
        .filter((name) => name !== 'ceph-worker-1');
      await Promise.all(names.map((name) => system.stack.kill(name)));
      await system.stack.restore();
      await system.completed(recorded.map(({ action }) => action));
      await liveOne('after-all');
    },
    3 * minuteMs,
  );
});
