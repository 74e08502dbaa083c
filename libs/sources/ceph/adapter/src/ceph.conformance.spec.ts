import { InvariantError, UncertainError } from '@plumbline/domain';
import type { Backend } from '@plumbline/domain';
import { GIB, cephImage, cephWatch } from '@plumbline/ceph-facets';
import type { ImageSeen } from '@plumbline/ceph-facets';
import { describeFacet, describeWitness, standStill } from '@plumbline/testing';
import type { CephClient } from './index.js';
import {
  CALL_MS,
  LOCKED_BYTES,
  backendOf,
  connect,
  deadline,
  dieWithinCreate,
  dieWithinTrashing,
  freshKey,
  openAsStranger,
} from './testing/cluster.js';

/** The one OSD of that cluster, to be stopped and woken; without it nothing is proved about silence. */
const OSD_PID = Number(process.env.PLUMBLINE_TEST_CEPH_OSD_PID ?? 0);
/** After this the watch of a client that is silent runs out by itself. */
const WATCH_MS = 30_000;

async function stopOsd(): Promise<() => Promise<void>> {
  await standStill(OSD_PID);
  return async () => {
    process.kill(OSD_PID, 'SIGCONT');
  };
}

const witnessed: CephClient[] = [];
afterAll(() => Promise.all(witnessed.map((client) => client.close())));
describeWitness('a real cluster', async () => {
  const client = await connect();
  witnessed.push(client);
  return client.witness;
});

describeFacet('ceph.image on a real cluster', {
  callMs: CALL_MS,
  ...(OSD_PID > 0 ? { cut: stopOsd } : {}),
  takenBack: (seen) => (seen as ImageSeen | null)?.state === 'trashed',
  open: async () => {
    const client = await connect();
    return {
      client,
      facet: cephImage.name,
      fresh: () => ({ key: freshKey(), wants: [{ sizeGib: 1 }, { sizeGib: 2 }] }),
      close: () => client.close(),
    };
  },
});

describe('a real cluster', () => {
  let client: CephClient;
  let images: Backend;

  beforeAll(async () => {
    client = await connect();
    images = backendOf(client, cephImage.name);
  }, CALL_MS);
  afterAll(() => client?.close(), CALL_MS);

  const make = async (key: string, sizeGib = 1) =>
    (await images.apply({ key }, { want: { sizeGib }, before: null }, deadline())) as { seen: ImageSeen };

  it(
    'never shrinks an image',
    async () => {
      const key = freshKey();
      const { seen } = await make(key, 3);
      const applied = await images.apply({ key }, { want: { sizeGib: 1 }, before: seen }, deadline());
      expect(applied).toEqual({ seen: { ...seen, sizeBytes: 3 * GIB } });
    },
    CALL_MS,
  );

  it(
    'never makes an image anew where one is only to be grown',
    async () => {
      const key = freshKey();
      const before: ImageSeen = { imageId: 'abc', sizeBytes: GIB, state: 'open' };
      await expect(images.apply({ key }, { want: { sizeGib: 2 }, before }, deadline())).rejects.toMatchObject(
        {
          reason: 'ceph-missing',
        },
      );
      expect(await images.observe({ key }, deadline())).toBeNull();
    },
    CALL_MS,
  );

  it(
    'makes anew what a client left half-made when it died, and takes it away when it is not wanted',
    async () => {
      const [again, unwanted] = [freshKey(), freshKey()];
      for (const key of [again, unwanted]) {
        await dieWithinCreate(key);
        expect(await images.observe({ key }, deadline())).toMatchObject({ state: 'half-made', sizeBytes: 0 });
      }
      const { seen } = await make(again);
      expect(seen).toMatchObject({ state: 'open', sizeBytes: GIB });
      expect(await images.observe({ key: again }, deadline())).toEqual(seen);
      await images.undo({ key: unwanted }, { want: { sizeGib: 1 }, before: null }, deadline());
      expect(await images.observe({ key: unwanted }, deadline())).toBeNull();
    },
    CALL_MS,
  );

  it(
    'leaves a stranger’s image of the same name alone',
    async () => {
      const key = freshKey();
      const { seen } = await make(key);
      const before = { ...seen, imageId: `${seen.imageId}0` };
      for (const want of [{ trashed: true }, { sizeGib: 2 }]) {
        await expect(images.apply({ key }, { want, before }, deadline())).rejects.toThrow(InvariantError);
      }
      expect(await images.observe({ key }, deadline())).toEqual(seen);
    },
    CALL_MS,
  );

  it(
    'tells who has an image open, and takes no image from under them',
    async () => {
      const key = freshKey();
      const { seen } = await make(key);
      const watches = backendOf(client, cephWatch.name);
      expect(await watches.observe({ key: freshKey() }, deadline())).toBeNull();
      expect(await watches.observe({ key }, deadline())).toEqual({ addresses: [] });
      const stranger = await openAsStranger(key);
      expect(await watches.observe({ key }, deadline())).toEqual({ addresses: [stranger.address] });
      const toTrash = { want: { trashed: true }, before: seen };
      await expect(images.apply({ key }, toTrash, deadline())).rejects.toMatchObject({
        reason: 'stranger',
      });
      await stranger.close();
      expect(await watches.observe({ key }, deadline())).toEqual({ addresses: [] });
      await images.apply({ key }, toTrash, deadline());
      expect(await watches.observe({ key }, deadline())).toBeNull();
    },
    2 * CALL_MS,
  );

  it(
    'does not count who is fenced among those who have an image open, whatever the OSD still lists',
    async () => {
      const key = freshKey();
      const { seen } = await make(key);
      const stranger = await openAsStranger(key);
      try {
        const watches = backendOf(client, cephWatch.name);
        expect(await watches.observe({ key }, deadline())).toEqual({ addresses: [stranger.address] });
        await client.fence(stranger.address, deadline());
        expect(await watches.observe({ key }, deadline())).toEqual({ addresses: [] });
        const toTrash = { want: { trashed: true }, before: seen };
        expect(await images.apply({ key }, toTrash, deadline())).toMatchObject({
          seen: { state: 'trashed' },
        });
      } finally {
        await stranger.close();
      }
    },
    2 * CALL_MS,
  );

  it(
    'does not count a boot among those who have an image open',
    async () => {
      const key = freshKey();
      await make(key);
      const boot = await openAsStranger(key);
      const observer = await connect({
        ownerOf: (address) => (address === boot.address ? 'living-boot' : 'nobody-known'),
      });
      try {
        const watches = backendOf(observer, cephWatch.name);
        expect(await watches.observe({ key }, deadline())).toEqual({ addresses: [] });
      } finally {
        await boot.close();
        await observer.close();
      }
    },
    2 * CALL_MS,
  );

  it.each(['whole', 'half-way to the trash'])(
    'ends the watch and the lock of a boot that is condemned on an image that is %s, instead of waiting for them',
    async (how) => {
      const key = freshKey();
      const seen = { ...(await make(key)).seen, sizeBytes: LOCKED_BYTES };
      const boot = await openAsStranger(key);
      await boot.lock();
      if (how !== 'whole') await dieWithinTrashing(key);
      const heir = await connect({
        ownerOf: (address) => (address === boot.address ? 'condemned-boot' : 'nobody-known'),
      });
      try {
        const before = await images.observe({ key }, deadline());
        expect(before).toEqual({ ...seen, state: how === 'whole' ? 'open' : 'half-made' });
        const change = { want: { trashed: true }, before };
        const began = performance.now();
        const applied = await backendOf(heir, cephImage.name).apply({ key }, change, deadline());
        expect(applied).toEqual({ seen: { ...seen, state: 'trashed' } });
        expect(performance.now() - began).toBeLessThan(WATCH_MS / 2);
      } finally {
        await heir.close();
        await boot.close();
      }
    },
    3 * CALL_MS,
  );

  it(
    'fences another client, who learns of it and can change nothing any more',
    async () => {
      let blocklisted = 0;
      const other = await connect({ onBlocklisted: () => (blocklisted += 1) });
      try {
        const theirs = backendOf(other, cephImage.name);
        await other.ping(deadline());
        await client.fence(other.address, deadline());
        const key = freshKey();
        const change = { want: { sizeGib: 1 }, before: null };
        await expect(theirs.apply({ key }, change, deadline())).rejects.toThrow(UncertainError);
        await expect(other.ping(deadline())).rejects.toThrow(UncertainError);
        expect(blocklisted).toBeGreaterThan(0);
        expect(await images.observe({ key }, deadline())).toBeNull();
      } finally {
        await other.close();
      }
    },
    3 * CALL_MS,
  );

  it(
    'refuses to fence anything but one client',
    async () => {
      for (const address of ['127.0.0.1', '127.0.0.1:0/0', '', 'localhost:0/1']) {
        await expect(client.fence(address, deadline())).rejects.toThrow(InvariantError);
      }
      await client.ping(deadline());
    },
    CALL_MS,
  );
});
