/** A real cluster, and who else is on it: strangers, and clients that died half-way. */
import { randomUUID } from 'node:crypto';
import koffi from 'koffi';
import { poolOf } from '@plumbline/domain';
import type { Backend, RegionSlug, VolumeId } from '@plumbline/domain';
import { GIB, imageKeyOf } from '@plumbline/ceph-facets';
import { packString } from '../encoding.js';
import { connectCeph, witnessObjectOf } from '../index.js';
import type { AddressOwner } from '../connect.js';
import type { CephClient } from '../index.js';
import { loadNative } from '../native.js';
import type { Cluster, Image, IoContext } from '../native.js';
import { plainAddress } from '../addresses.js';

const CONF = process.env.PLUMBLINE_TEST_CEPH_CONF;
const USER = process.env.PLUMBLINE_TEST_CEPH_USER ?? 'client.plumbline-ceph';
const POOL = process.env.PLUMBLINE_TEST_POOL ?? 'volumes-nyc1';
const REGION = POOL.slice(poolOf('' as RegionSlug).length) as RegionSlug;
export const CALL_MS = 30_000;

export const deadline = () => AbortSignal.timeout(CALL_MS);
export const freshKey = () => imageKeyOf(REGION, randomUUID() as VolumeId);

export function connect(
  over: { ownerOf?: (address: string) => AddressOwner; onBlocklisted?: () => void } = {},
) {
  if (CONF === undefined)
    throw new Error('PLUMBLINE_TEST_CEPH_CONF names no ceph.conf of a cluster to test on');
  return connectCeph({
    conf: CONF,
    user: USER,
    pools: [POOL],
    witnessObject: witnessObjectOf(randomUUID()),
    ownerOf: () => 'nobody-known',
    onBlocklisted: () => {},
    ...over,
  });
}

/** A RADOS client beside the adapter, such as a VM or a process that died half-way. */
async function connectStranger() {
  const native = loadNative();
  const cluster: [Cluster | null] = [null];
  native.clusterCreate(cluster, 'ceph', USER, 0);
  const connection = cluster[0] as Cluster;
  native.confRead(connection, CONF ?? '');
  expect(await native.connect(connection)).toBe(0);
  const text: [string | null] = [null];
  native.ownAddresses(connection, text);
  const opened: [IoContext | null] = [null];
  await native.ioCreate(connection, POOL, opened);
  const io = opened[0] as IoContext;
  return {
    native,
    io,
    address: plainAddress(text[0] ?? ''),
    close: async () => {
      await native.ioDestroy(io);
      await native.shutdown(connection);
    },
  };
}

/** Opens an image as a VM would: for writing, with a watch. */
export async function openAsStranger(key: string) {
  const { native, io, address, close } = await connectStranger();
  const image: [Image | null] = [null];
  expect(await native.open(io, nameIn(key), image, null)).toBe(0);
  return {
    address,
    /** As whoever writes has it: growing takes the lock, and keeps it. */
    lock: async () => {
      expect(await native.resize(image[0] as Image, LOCKED_BYTES, false, null, null)).toBe(0);
    },
    close: async () => {
      await native.close(image[0] as Image);
      await close();
    },
  };
}

export const LOCKED_BYTES = 2 * GIB;

const rados = koffi.load('librados.so.2');

/** Writes a name into the directory, as `rbd create` does first, and nothing else. */
export async function dieWithinCreate(key: string) {
  const imageId = randomUUID().slice(0, 8);
  const begin = rados.func('void *rados_create_write_op()') as () => object;
  const exec = rados.func(
    'void rados_write_op_exec(void *op, const char *class, const char *method, const uint8_t *input, size_t bytes, void *answer)',
  );
  const operate = rados.func(
    'int rados_write_op_operate(void *op, void *io, const char *object, void *mtime, int flags)',
  );
  const end = rados.func('void rados_release_write_op(void *op)');
  const { io, close } = await connectStranger();
  const entry = Buffer.concat([packString(nameIn(key)), packString(imageId)]);
  const op = begin();
  exec(op, 'rbd', 'dir_add_image', entry, entry.length, null);
  expect(operate(op, io, 'rbd_directory', null, 0)).toBe(0);
  end(op);
  await close();
}

/** Takes away what leads from the name to the image, as a move to the trash does before it ends. */
export async function dieWithinTrashing(key: string) {
  const remove = rados.func('int rados_remove(void *io, const char *object)');
  const { io, close } = await connectStranger();
  expect(remove(io, `rbd_id.${nameIn(key)}`)).toBe(0);
  await close();
}

export function nameIn(key: string): string {
  return key.slice(POOL.length + 1);
}

export function backendOf(client: CephClient, facet: string): Backend {
  const found = client.facets.get(facet as 'ceph.image');
  if (found === undefined) throw new Error(`no facet ${facet}`);
  return found;
}

/** Another name in the same pool. */
export function siblingOf(key: string, name: string): string {
  return `${key.slice(0, key.length - nameIn(key).length)}${name}`;
}

/** What is left where librbd's own rename died: both names lead to the image, which is still listed under the old one. */
export async function dieWithinLibrbdsRename({ to, imageId }: { to: string; imageId: string }) {
  const { native, io, close } = await connectStranger();
  const { writeOp } = native;
  const id = packString(imageId);
  const op = writeOp.make();
  writeOp.create(op, 1, null);
  writeOp.writeFull(op, id, id.length);
  expect(await writeOp.operate(op, io, `rbd_id.${nameIn(to)}`, null, 0)).toBe(0);
  writeOp.release(op);
  await close();
}

/** Takes an object away behind librbd's back, as one does that dies half-way through a removal. */
export async function dropObject(name: string) {
  const remove = rados.func('int rados_remove(void *io, const char *object)');
  const { io, close } = await connectStranger();
  expect(remove(io, name)).toBe(0);
  await close();
}

/** What librbd notes in the trash before it removes anything: from then on nothing but the removal may go on. */
export async function beginRemoval(imageId: string) {
  const begin = rados.func('void *rados_create_write_op()') as () => object;
  const exec = rados.func(
    'void rados_write_op_exec(void *op, const char *class, const char *method, const uint8_t *input, size_t bytes, void *answer)',
  );
  const operate = rados.func(
    'int rados_write_op_operate(void *op, void *io, const char *object, void *mtime, int flags)',
  );
  const end = rados.func('void rados_release_write_op(void *op)');
  const { io, close } = await connectStranger();
  const [removing, normal] = [Buffer.from([2]), Buffer.from([0])];
  const input = Buffer.concat([packString(imageId), removing, normal]);
  const op = begin();
  exec(op, 'rbd', 'trash_state_set', input, input.length, null);
  expect(operate(op, io, 'rbd_trash', null, 0)).toBe(0);
  end(op);
  await close();
}
