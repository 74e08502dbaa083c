import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { TransientError } from '@plumbline/domain';
import type { Backend, HostName, VmId } from '@plumbline/domain';
import { describeQemu, diskOf } from '@plumbline/testing';
import type { QemuUnderTest } from '@plumbline/testing';
import { connectQemu } from './connect.js';

const socket = process.env['PLUMBLINE_TEST_QMP'] ?? '';
const cephConf = process.env['PLUMBLINE_TEST_CEPH_CONF'] ?? '';
const cephUser = process.env['PLUMBLINE_TEST_QEMU_CEPH_USER'] ?? 'client.plumbline-vm';
const pool = process.env['PLUMBLINE_TEST_POOL'] ?? '';
if (socket === '' || cephConf === '' || pool === '') {
  throw new Error(
    'PLUMBLINE_TEST_QMP, PLUMBLINE_TEST_CEPH_CONF and PLUMBLINE_TEST_POOL must name a VM and a Ceph for this suite; ./tools/test sets them',
  );
}

const GIB = 1024 ** 3;
const host = 'host-a' as HostName;
const vm = 1 as VmId;
const CALL_MS = 20_000;
/** Made by this suite, with their sizes. */
const images = new Map<string, number>();

/** Looked at from outside, with the tool that comes with Ceph. */
async function rbd(...args: string[]): Promise<string> {
  return (await promisify(execFile)('rbd', ['-c', cephConf, ...args])).stdout;
}

async function imageBytes(image: string): Promise<number> {
  return (JSON.parse(await rbd('info', '--format', 'json', `${pool}/${image}`)) as { size: number }).size;
}

async function open(at = socket): Promise<QemuUnderTest> {
  let isListed = true;
  const vms = async () => {
    if (!isListed) throw new Error('cut off');
    return [{ id: vm, socket: at }];
  };
  const client = connectQemu({
    host,
    vms,
    cephConf,
    cephUser,
    imageBytes: ({ image }) => imageBytes(image),
  });
  return {
    client,
    host,
    vm,
    pool,
    imageBytes,
    setImage: async (image, sizeGib) => {
      if (images.get(image) === sizeGib) return; // The tool calls a resize to the present size an error.
      await rbd(images.has(image) ? 'resize' : 'create', `${pool}/${image}`, '--size', `${sizeGib}G`);
      images.set(image, sizeGib);
    },
    cut: async () => {
      isListed = false;
      return async () => void (isListed = true);
    },
    close: async () => {
      await takeAllAway(client.facets.get('qemu.device'));
      await takeAllAway(client.facets.get('qemu.node'));
      await client.close();
    },
  };
}

async function takeAllAway(backend: Backend | undefined): Promise<void> {
  if (backend === undefined) return;
  const signal = AbortSignal.timeout(CALL_MS);
  for await (const place of backend.list(signal)) {
    if (backend.facet.volumeOf(place.key) !== null)
      await backend.apply(place, { want: null, before: null }, signal);
  }
}

afterAll(async () => {
  for (const image of images.keys()) await rbd('rm', `${pool}/${image}`);
}, 10 * CALL_MS);

describeQemu('a real VM', () => open());

describe('a real monitor', () => {
  it(
    'is out of reach while another client has it, and in reach when that leaves',
    async () => {
      const other = connect(socket);
      await new Promise((resolve) => other.once('data', resolve));
      const under = await open();
      const disk = diskOf(under);
      await expect(disk.node.look()).rejects.toThrow(TransientError);
      other.destroy();
      let seen: unknown = undefined;
      for (let tries = 0; tries < 40 && seen !== null; tries += 1) {
        seen = await disk.node.look().catch(() => undefined);
        await new Promise((resolve) => setTimeout(resolve, 250));
      }
      expect(seen).toBeNull();
      await under.close();
    },
    3 * CALL_MS,
  );

  it(
    'follows an image through growing, with its disk plugged in or not',
    async () => {
      const under = await open();
      const disk = diskOf(under);
      await under.setImage(disk.image, 1);
      for (const sizeGib of [1, 2, 3]) {
        await under.setImage(disk.image, sizeGib);
        await disk.node.become(disk.want(sizeGib));
        await disk.device.become({ name: `grown-${sizeGib}` });
        expect(await disk.node.look()).toMatchObject({ sizeBytes: sizeGib * GIB });
        await disk.device.become(null);
        if (sizeGib === 2) await disk.node.become(null);
        expect(await imageBytes(disk.image)).toBe(sizeGib * GIB);
      }
      await under.close();
    },
    4 * CALL_MS,
  );
});

/** A VM of its own, whose processor never runs: what needs its guest's consent never gets it. */
async function startSilentVm() {
  const folder = mkdtempSync(join(tmpdir(), 'plumbline-vm-'));
  const monitor = join(folder, 'qmp');
  const tools = join(folder, 'tools');
  const listen = (path: string) => ['-qmp', `unix:${path},server=on,wait=off`];
  const bare = [
    '-machine',
    'pc,accel=tcg',
    '-m',
    '32',
    '-nodefaults',
    '-no-user-config',
    '-display',
    'none',
    '-S',
  ];
  const args = [...bare, '-device', 'virtio-scsi-pci,id=scsi0', ...listen(monitor), ...listen(tools)];
  const qemu = spawn('qemu-system-x86_64', args, { stdio: 'ignore' });
  const ended = new Promise((resolve) => qemu.once('exit', resolve));
  while (!existsSync(tools)) await new Promise((resolve) => setTimeout(resolve, 50));
  return {
    monitor,
    tools,
    kill: async () => {
      qemu.kill('SIGKILL');
      await ended;
    },
    clean: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** One command over a monitor that nobody else has. */
async function tell(monitor: string, execute: string, args: object = {}): Promise<unknown> {
  const wire = connect(monitor);
  let text = '';
  const answered = new Promise<string[]>((resolve, reject) => {
    wire.once('error', reject);
    wire.on('data', (data) => {
      text += data.toString();
      const replies = text.split('\n').filter((line) => /^\{"(return|error)"/.test(line));
      if (replies.length === 2) resolve(replies);
    });
  });
  for (const command of [{ execute: 'qmp_capabilities' }, { execute, arguments: args }])
    wire.write(`${JSON.stringify(command)}\n`);
  const [, reply = ''] = await answered;
  wire.destroy();
  return JSON.parse(reply);
}

/** Asks until it is answered. */
async function again<T>(ask: () => Promise<T>): Promise<T> {
  for (let tries = 0; tries < 40; tries += 1) {
    const answer = await ask().catch((error: unknown) => error);
    if (!(answer instanceof TransientError)) return answer as T; // Any other rejection fails the comparison.
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  throw new Error('was put off too often');
}

describe('a real VM whose guest does not answer', () => {
  let silent: Awaited<ReturnType<typeof startSilentVm>>;
  beforeAll(async () => {
    silent = await startSilentVm();
  }, CALL_MS);
  afterAll(async () => {
    await silent?.kill();
    silent?.clean();
  }, CALL_MS);

  it(
    'keeps a disk that it was asked to let go of, however often, until it is reset; dead, it has none',
    async () => {
      const under = await open(silent.monitor);
      const disk = diskOf(under);
      await under.setImage(disk.image, 1);
      await disk.node.become(disk.want(1));
      // A kind of disk that leaves only with its guest's consent, plugged in by hand under our name.
      const blk = { driver: 'virtio-blk-pci', id: disk.name, drive: disk.name };
      expect(await tell(silent.tools, 'device_add', blk)).toEqual({ return: {} });
      for (let asked = 0; asked < 3; asked += 1) {
        expect(await disk.device.once(null)).toMatchObject({ waitMs: expect.any(Number) as number });
        await expect(disk.node.once(null)).rejects.toThrow(TransientError);
        expect(await disk.device.look()).not.toBeNull();
      }
      await tell(silent.tools, 'system_reset');
      expect(await disk.device.become(null)).toBeNull();
      // The device is gone before QEMU has let go of all that it had.
      expect(await again(() => disk.node.once(null))).toEqual({ seen: null });

      await disk.node.become(disk.want(1));
      await silent.kill();
      images.delete(disk.image); // The dead client's watch would keep it from being removed for half a minute.
      expect(await again(() => disk.node.look())).toBeNull();
      expect(await disk.node.once(null)).toEqual({ seen: null, lost: true });
      await under.client.close();
    },
    4 * CALL_MS,
  );
});
