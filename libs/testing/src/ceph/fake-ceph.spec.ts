import { randomUUID } from 'node:crypto';
import { TransientError, UncertainError } from '@plumbline/domain';
import type { Backend, Json, RegionSlug, VolumeId } from '@plumbline/domain';
import { GIB, cephImage, cephWatch, imageKeyOf } from '@plumbline/ceph-facets';
import type { ImageSeen } from '@plumbline/ceph-facets';
import { describeFacet } from '../conformance/index.js';
import { FakeCeph } from './fake-ceph.js';
import type { CephMoment } from './fake-ceph.js';
import type { FakeCephClient } from './fake-ceph-client.js';

const POOLS = ['volumes-nyc1', 'volumes-nyc3'];
const never = new AbortController().signal;

const freshKey = () => imageKeyOf('nyc1' as RegionSlug, randomUUID() as VolumeId);
const settled = () => new Promise((resolve) => setImmediate(resolve));

function imagesOf(client: FakeCephClient): Backend {
  return client.facets.get(cephImage.name) as Backend;
}

function apply(
  client: FakeCephClient,
  key: string,
  want: Json,
  more: { before?: Json; signal?: AbortSignal } = {},
) {
  return imagesOf(client).apply({ key }, { want, before: more.before ?? null }, more.signal ?? never);
}

/** A cluster on which the named moment waits until it is let go. */
function withHeld(held: Pick<CephMoment, 'at' | 'call'>) {
  let letGo: () => void = () => {};
  const gate = new Promise<void>((resolve) => (letGo = resolve));
  let reached: () => void = () => {};
  const waiting = new Promise<void>((resolve) => (reached = resolve));
  let holding = true;
  const ceph = new FakeCeph({
    pools: POOLS,
    pace: (moment) => {
      if (!holding || moment.at !== held.at || moment.call !== held.call) return;
      holding = false;
      reached();
      return gate;
    },
  });
  return { ceph, waiting, letGo };
}

let conforming: FakeCeph;
describeFacet('ceph.image on the fake cluster', {
  takenBack: (seen) => (seen as ImageSeen | null)?.state === 'trashed',
  open: async () => {
    conforming = new FakeCeph({ pools: POOLS });
    const client = conforming.connect();
    return {
      client,
      facet: cephImage.name,
      fresh: () => ({ key: freshKey(), wants: [{ sizeGib: 1 }, { sizeGib: 2 }] }),
      close: () => client.close(),
    };
  },
  cut: async () => {
    const heal = conforming.silence();
    return async () => heal();
  },
});

describe('the manners of the fake cluster', () => {
  it('lands what its sender has stopped waiting for', async () => {
    const { ceph, waiting, letGo } = withHeld({ at: 'request', call: 'write-header' });
    const client = ceph.connect();
    const key = freshKey();
    const aborted = new AbortController();
    const call = apply(client, key, { sizeGib: 1 }, { signal: aborted.signal });
    await waiting;
    aborted.abort();
    await expect(call).rejects.toThrow(UncertainError);
    const other = ceph.connect();
    expect(await imagesOf(other).observe({ key }, never)).toMatchObject({ state: 'half-made' });
    letGo();
    await imagesOf(client).idle({ key });
    expect(await imagesOf(other).observe({ key }, never)).toMatchObject({ state: 'open' });
  });

  it('keeps the half-made image of a client that died, which the next one makes anew', async () => {
    const { ceph, waiting, letGo } = withHeld({ at: 'reply', call: 'write-name' });
    const dying = ceph.connect();
    const key = freshKey();
    void apply(dying, key, { sizeGib: 1 });
    await waiting;
    dying.kill();
    letGo();
    const next = ceph.connect();
    await settled();
    expect(await imagesOf(next).observe({ key }, never)).toMatchObject({ state: 'half-made', sizeBytes: 0 });
    expect(await apply(next, key, { sizeGib: 1 })).toMatchObject({ seen: { state: 'open', sizeBytes: GIB } });
  });

  it('lets nothing of a fenced client land, and tells it so', async () => {
    const { ceph, waiting, letGo } = withHeld({ at: 'request', call: 'write-name' });
    let told = 0;
    const paused = ceph.connect({ onBlocklisted: () => (told += 1) });
    const key = freshKey();
    const call = apply(paused, key, { sizeGib: 1 });
    const outcome = expect(call).rejects.toThrow(UncertainError);
    await waiting;
    const other = ceph.connect();
    await other.fence(paused.address, never);
    letGo();
    await outcome;
    expect(told).toBe(1);
    expect(await imagesOf(other).observe({ key }, never)).toBeNull();
  });

  it('keeps data that a move to the trash had reached when its client died', async () => {
    const { ceph, waiting, letGo } = withHeld({ at: 'reply', call: 'drop-id' });
    const dying = ceph.connect();
    const next = ceph.connect({
      ownerOf: (address) => (address === dying.address ? 'living-boot' : 'nobody-known'),
    });
    const key = freshKey();
    const made = await apply(dying, key, { sizeGib: 1 });
    void apply(dying, key, { trashed: true });
    await waiting;
    dying.kill();
    letGo();
    await settled();
    expect(await imagesOf(next).observe({ key }, never)).toMatchObject({
      state: 'half-made',
      sizeBytes: GIB,
    });
    const { seen } = made as { seen: ImageSeen };
    expect(await apply(next, key, { trashed: true })).toEqual({ seen: { ...seen, state: 'trashed' } });
  });

  it('is busy where a client died with an image open, until that client is fenced', async () => {
    const { ceph, waiting, letGo } = withHeld({ at: 'reply', call: 'grow' });
    const dying = ceph.connect();
    const next = ceph.connect({
      ownerOf: (address) => (address === dying.address ? 'living-boot' : 'nobody-known'),
    });
    const key = freshKey();
    const { seen } = (await apply(dying, key, { sizeGib: 1 })) as { seen: ImageSeen };
    void apply(dying, key, { sizeGib: 2 }, { before: seen });
    await waiting;
    dying.kill();
    letGo();
    await settled();
    await expect(apply(next, key, { sizeGib: 3 }, { before: seen })).rejects.toThrow(TransientError);
    await next.fence(dying.address, never);
    const grown = { seen: { ...seen, sizeBytes: 3 * GIB } };
    expect(await apply(next, key, { sizeGib: 3 }, { before: seen })).toEqual(grown);
  });

  it('ends the watch of a boot that is condemned, and of nobody else', async () => {
    const { ceph, waiting, letGo } = withHeld({ at: 'reply', call: 'grow' });
    const dying = ceph.connect();
    const next = ceph.connect({
      ownerOf: (address) => (address === dying.address ? 'condemned-boot' : 'nobody-known'),
    });
    const key = freshKey();
    const { seen } = (await apply(dying, key, { sizeGib: 1 })) as { seen: ImageSeen };
    void apply(dying, key, { sizeGib: 2 }, { before: seen });
    await waiting;
    dying.kill();
    letGo();
    await settled();
    expect(await apply(next, key, { trashed: true })).toMatchObject({ seen: { state: 'trashed' } });
    expect([...ceph.blocklist]).toEqual([dying.address]);
  });

  it('would let a stranger trash an image under a VM, and our own client does not', async () => {
    const ceph = new FakeCeph({ pools: POOLS });
    const client = ceph.connect();
    const key = freshKey();
    const { seen } = (await apply(client, key, { sizeGib: 1 })) as { seen: ImageSeen };
    const vm = '10.0.0.9:0/77';
    expect(ceph.openBy(vm, key)).toBe(true);
    const watches = client.facets.get(cephWatch.name) as Backend;
    expect(await watches.observe({ key }, never)).toEqual({ addresses: [vm] });
    await expect(apply(client, key, { trashed: true })).rejects.toMatchObject({ reason: 'stranger' });
    const { pool, name } = ceph.at(key);
    pool.noteInTrash(seen.imageId, { name, deletedAtMs: 1, whole: false });
    pool.dropId(name);
    pool.dropName(name, seen.imageId);
    expect(await imagesOf(client).observe({ key }, never)).toEqual({ ...seen, state: 'trashed' });
    expect(pool.watchersOf(seen.imageId)).toEqual([vm]);
  });
});
