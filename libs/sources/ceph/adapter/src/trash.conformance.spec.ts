import { InvariantError } from '@plumbline/domain';
import type { Backend } from '@plumbline/domain';
import { cephImage } from '@plumbline/ceph-facets';
import type { ImageSeen } from '@plumbline/ceph-facets';
import type { CephClient } from './index.js';
import {
  CALL_MS,
  backendOf,
  beginRemoval,
  connect,
  deadline,
  dieWithinTrashing,
  dropObject,
  freshKey,
} from './testing/cluster.js';

describe('the trash of a real cluster', () => {
  let client: CephClient;
  let images: Backend;

  beforeAll(async () => {
    client = await connect();
    images = backendOf(client, cephImage.name);
  }, CALL_MS);
  afterAll(() => client?.close(), CALL_MS);

  const make = async (key: string, sizeGib = 1) =>
    (await images.apply({ key }, { want: { sizeGib }, before: null }, deadline())) as { seen: ImageSeen };
  const trashed = async (key: string) => {
    const { seen } = await make(key);
    await images.apply({ key }, { want: { trashed: true }, before: seen }, deadline());
    return seen;
  };

  it(
    'keeps the data of an image whose move to the trash was interrupted',
    async () => {
      const key = freshKey();
      const { seen } = await make(key);
      await dieWithinTrashing(key);
      const before = await images.observe({ key }, deadline());
      expect(before).toEqual({ ...seen, state: 'half-made' });
      const applied = await images.apply({ key }, { want: { trashed: true }, before }, deadline());
      expect(applied).toEqual({ seen: { ...seen, state: 'trashed' } });
    },
    CALL_MS,
  );

  it(
    'takes an image to the trash, lists it there, and purges it only from there',
    async () => {
      const key = freshKey();
      const { seen } = await make(key);
      const purge = () => images.apply({ key }, { want: null, before: seen }, deadline());
      await expect(purge()).rejects.toMatchObject({ reason: 'ceph-not-in-trash' });
      const trashed = { ...seen, state: 'trashed' };
      for (let twice = 0; twice < 2; twice += 1) {
        const change = { want: { trashed: true }, before: seen };
        expect(await images.apply({ key }, change, deadline())).toEqual({ seen: trashed });
      }
      expect(await images.observe({ key }, deadline())).toEqual(trashed);
      const inTrash: string[] = [];
      for await (const entry of client.listTrash(deadline())) inTrash.push(entry.key);
      expect(inTrash).toContain(key);
      expect(await purge()).toEqual({ seen: null });
      expect(await purge()).toEqual({ seen: null });
      expect(await images.observe({ key }, deadline())).toBeNull();
    },
    2 * CALL_MS,
  );

  it(
    'restores an image from the trash with what was in it',
    async () => {
      const key = freshKey();
      const { seen } = await make(key);
      await images.apply({ key }, { want: { trashed: true }, before: seen }, deadline());
      const before = await images.observe({ key }, deadline());
      const applied = await images.apply({ key }, { want: { sizeGib: 1 }, before }, deadline());
      expect(applied).toEqual({ seen });
    },
    CALL_MS,
  );

  it(
    'takes an image back by its internal id alone, at whatever size it was',
    async () => {
      const key = freshKey();
      const seen = await trashed(key);
      const before = await images.observe({ key }, deadline());
      const restore = (imageId: string) =>
        images.apply({ key }, { want: { restored: true, imageId }, before }, deadline());
      expect(await restore(`${seen.imageId}0`)).toEqual({ seen: before });
      for (let twice = 0; twice < 2; twice += 1) expect(await restore(seen.imageId)).toEqual({ seen });
      // A record names it: to trash it again would be worse than not to have taken it back.
      await images.undo({ key }, { want: { restored: true, imageId: seen.imageId }, before }, deadline());
      expect(await images.observe({ key }, deadline())).toEqual(seen);
    },
    2 * CALL_MS,
  );

  it(
    'makes nothing where an image is only to be taken back',
    async () => {
      const key = freshKey();
      const want = { restored: true, imageId: 'abc' };
      expect(await images.apply({ key }, { want, before: null }, deadline())).toEqual({ seen: null });
      expect(await images.observe({ key }, deadline())).toBeNull();
    },
    CALL_MS,
  );

  it(
    'makes whole, with what is in it, an image that was on its way to the trash and is wanted',
    async () => {
      const key = freshKey();
      const { seen } = await make(key);
      await dieWithinTrashing(key);
      const before = await images.observe({ key }, deadline());
      expect(before).toEqual({ ...seen, state: 'half-made' });
      expect(await images.apply({ key }, { want: { sizeGib: 1 }, before }, deadline())).toEqual({ seen });
      expect(await images.observe({ key }, deadline())).toEqual(seen);
    },
    CALL_MS,
  );

  it.each(['before anything was removed', 'behind the header'])(
    'goes on with a removal that was cut off %s, and takes nothing back from it',
    async (where) => {
      const key = freshKey();
      const seen = await trashed(key);
      await beginRemoval(seen.imageId);
      if (where === 'behind the header') await dropObject(`rbd_header.${seen.imageId}`);
      const before = await images.observe({ key }, deadline());
      expect(before).toMatchObject({ imageId: seen.imageId, state: 'purging' });
      const restore = { want: { restored: true, imageId: seen.imageId }, before };
      expect(await images.apply({ key }, restore, deadline())).toEqual({ seen: before });
      for (let twice = 0; twice < 2; twice += 1)
        expect(await images.apply({ key }, { want: null, before }, deadline())).toEqual({ seen: null });
      expect(await images.observe({ key }, deadline())).toBeNull();
      const left: string[] = [];
      for await (const entry of client.listTrash(deadline())) left.push(entry.key);
      expect(left).not.toContain(key);
    },
    2 * CALL_MS,
  );

  it(
    'does not purge another image of that name',
    async () => {
      const key = freshKey();
      const seen = await trashed(key);
      const before = { ...seen, imageId: `${seen.imageId}0`, state: 'trashed' as const };
      await expect(images.apply({ key }, { want: null, before }, deadline())).rejects.toThrow(InvariantError);
      expect(await images.observe({ key }, deadline())).toMatchObject({ state: 'trashed' });
    },
    CALL_MS,
  );
});
