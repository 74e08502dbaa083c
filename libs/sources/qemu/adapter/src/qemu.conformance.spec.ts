import { execFile } from 'node:child_process';
import { connect } from 'node:net';
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

async function open(): Promise<QemuUnderTest> {
  let isListed = true;
  const vms = async () => {
    if (!isListed) throw new Error('cut off');
    return [{ id: vm, socket }];
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

describeQemu('a real VM', open);

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
