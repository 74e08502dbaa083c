import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../src/run.js';
import {
  askQemu,
  consulValue,
  guestDisks,
  imageInfo,
  query,
  startStack,
  vmDisks,
  waitFor,
  type RunningStack,
} from '../src/index.js';

const minuteMs = 60_000;
const gib = 1024 ** 3;
const key = 'plumbline/kept';

/** The parts alone, with data to keep: the stack's own promises need none of the apps. */
describe('a stack of the parts', () => {
  let data: string;
  let stack: RunningStack;

  beforeAll(async () => {
    data = mkdtempSync(join(tmpdir(), 'plumbline-stack-'));
    stack = await startStack({ ephemeral: false, data, apps: false });
  }, 3 * minuteMs);

  afterAll(async () => {
    await stack.purge();
    expect(existsSync(data)).toBe(false);
    expect(existsSync(stack.stack.state.sockets)).toBe(false);
  }, minuteMs);

  const unwell = async () =>
    (await stack.status()).filter(({ state }) => state !== 'ready').map(({ name }) => name);
  const rbd = (...args: string[]) => run('rbd', ['-c', stack.env['CEPH_CONF']!, '--no-progress', ...args]);

  /** Something in each part that must still be there later. */
  async function leaveTraces(): Promise<void> {
    await fetch(`${stack.env['CONSUL_HTTP_ADDR']}/v1/kv/${key}`, { method: 'PUT', body: '"here"' });
    await rbd('create', '--size', '1G', 'volumes-nyc1/kept');
    await query(stack.env['DATABASE_URL']!, 'SELECT 1 AS one');
  }

  async function expectTraces(): Promise<void> {
    expect(await consulValue(stack.env['CONSUL_HTTP_ADDR']!, key)).toBe('here');
    expect(await imageInfo(stack.env['CEPH_CONF']!, 'volumes-nyc1', 'kept')).toMatchObject({ sizeGib: 1 });
    expect(await query(stack.env['DATABASE_URL']!, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  }

  it(
    'gives a disk of Ceph to a running guest, which sees it grow',
    async () => {
      expect(await unwell()).toEqual([]);
      await leaveTraces();
      const {
        PLUMBLINE_VM_TOOLS: monitor = '',
        PLUMBLINE_VM_SERIAL: serial = '',
        CEPH_CONF: conf,
      } = stack.env;
      const file = { driver: 'rbd', pool: 'volumes-nyc1', image: 'kept', conf, user: 'plumbline-vm' };
      await askQemu(monitor, 'blockdev-add', { driver: 'raw', 'node-name': 'kept', file });
      await askQemu(monitor, 'device_add', {
        driver: 'scsi-hd',
        bus: 'scsi0.0',
        drive: 'kept',
        id: 'kept',
        device_id: 'kept',
      });
      expect(await vmDisks(monitor)).toMatchObject([{ device: 'kept', node: 'kept', sizeGib: 1 }]);
      await waitFor(async () => (await guestDisks(serial)).length === 1, { what: 'the disk in the guest' });
      await askQemu(monitor, 'block_resize', { 'node-name': 'kept', size: 2 * gib });
      await waitFor(async () => (await guestDisks(serial))[0]?.sizeGib === 2, {
        what: 'the new size in the guest',
      });
      expect((await guestDisks(serial))[0]?.identity).toContain('kept');
      await rbd('resize', '--allow-shrink', '--size', '1G', 'volumes-nyc1/kept');
    },
    minuteMs,
  );

  it(
    'comes back with its data after kill -9 of everything',
    async () => {
      const names = Object.keys(stack.stack.state.processes);
      await Promise.all(names.map((name) => stack.kill(name)));
      expect((await unwell()).sort()).toEqual(names.sort());
      await stack.restore();
      expect(await unwell()).toEqual([]);
      await expectTraces();
    },
    2 * minuteMs,
  );

  it(
    'comes back with its data on other ports when strangers have taken its own',
    async () => {
      await stack.stop();
      const before = { ...stack.stack.state.ports };
      const strangers = Object.values(before).map((port) => createServer().listen(port, '127.0.0.1'));
      try {
        stack = await startStack({ ephemeral: false, data, apps: false });
        const after = stack.stack.state.ports;
        expect(Object.keys(before).filter((name) => before[name] === after[name])).toEqual([]);
        await expectTraces();
      } finally {
        for (const stranger of strangers) stranger.close();
      }
    },
    2 * minuteMs,
  );

  it(
    'leaves another stack beside it alone',
    async () => {
      const other = mkdtempSync(join(tmpdir(), 'plumbline-other-'));
      const second = await startStack({ ephemeral: true, data: other, apps: false });
      const bad = (await second.status()).filter(({ state }) => state !== 'ready');
      await second.stop();
      rmSync(other, { recursive: true, force: true });
      expect(bad).toEqual([]);
      expect(await unwell()).toEqual([]);
      await expectTraces();
    },
    2 * minuteMs,
  );

  it(
    'says that a paused part is paused, and wakes it when asked to be whole',
    async () => {
      stack.pause('consul');
      await waitFor(async () => (await unwell()).includes('consul'), { what: 'the pause to show' });
      await stack.restore();
      expect(await unwell()).toEqual([]);
    },
    minuteMs,
  );
});
