import { randomUUID } from 'node:crypto';
import { jest } from '@jest/globals';
import { InvariantError } from '@plumbline/domain';
import type { Backend } from '@plumbline/domain';
import { GIB, cephImage, cephWatch } from '@plumbline/ceph-facets';
import type { ImageSeen } from '@plumbline/ceph-facets';
import type { CephClient } from './index.js';
import { Pool } from './pool.js';
import {
  CALL_MS,
  backendOf,
  connect,
  deadline,
  dieWithinLibrbdsRename,
  freshKey,
  nameIn,
  openAsStranger,
  siblingOf,
} from './testing/cluster.js';

describe('the names of images on a real cluster', () => {
  let client: CephClient;
  let images: Backend;

  beforeAll(async () => {
    client = await connect();
    images = backendOf(client, cephImage.name);
  }, CALL_MS);
  afterAll(() => client?.close(), CALL_MS);

  const look = (key: string) => images.observe({ key }, deadline());
  const make = async (key: string) => {
    const made = await images.apply({ key }, { want: { sizeGib: 1 }, before: null }, deadline());
    return (made as { seen: ImageSeen }).seen;
  };
  /** One that somebody made by hand, and what is to be said to adopt it under a volume's name. */
  const byHand = async () => {
    const key = freshKey();
    const from = siblingOf(key, `by-hand-${randomUUID()}`);
    const seen = await make(from);
    const want = { adoptedFrom: nameIn(from), imageId: seen.imageId, sizeGib: 1 };
    return { key, from, seen, want };
  };
  const listed = async () => {
    const keys: string[] = [];
    for await (const image of images.list(deadline())) keys.push(image.key);
    return keys;
  };

  const expectRenamed = async ({ was, is, seen }: { was: string; is: string; seen: ImageSeen }) => {
    expect([await look(is), await look(was)]).toEqual([seen, null]);
    expect((await listed()).filter((one) => one === is || one === was)).toEqual([is]);
  };

  it(
    'adopts an image, however often it is told to, and gives it its old name back',
    async () => {
      const { key, from, seen, want } = await byHand();
      for (let twice = 0; twice < 2; twice += 1)
        expect(await images.apply({ key }, { want, before: null }, deadline())).toEqual({ seen });
      expect(await look(key)).toEqual(seen);
      expect(await look(from)).toBeNull();
      expect((await listed()).filter((one) => one === key || one === from)).toEqual([key]);
      for (let twice = 0; twice < 2; twice += 1)
        expect(await images.undo({ key }, { want, before: null }, deadline())).toEqual({ seen: null });
      expect(await look(from)).toEqual(seen);
      expect((await listed()).filter((one) => one === key || one === from)).toEqual([from]);
    },
    2 * CALL_MS,
  );

  it('goes on, and back, where a rename of librbd was cut off', async () => {
    for (const how of ['apply', 'undo'] as const) {
      const { key, from, seen, want } = await byHand();
      await dieWithinLibrbdsRename({ to: key, imageId: seen.imageId });
      await images[how]({ key }, { want, before: null }, deadline());
      const [is, was] = how === 'apply' ? [key, from] : [from, key];
      await expectRenamed({ was, is, seen });
    }
  });

  /** As long as it lasts, whoever changes names dies at his n-th change. */
  const dieAt = (cut: number) => {
    let changes = 0;
    const steps = ['renameInDirectory', 'dropId', 'writeId'] as const;
    const spies = steps.map((step) => {
      const real = Reflect.get(Pool.prototype, step) as (...by: readonly unknown[]) => Promise<void>;
      return jest.spyOn(Pool.prototype, step).mockImplementation(function (this: Pool, ...by: unknown[]) {
        return changes++ === cut ? Promise.reject(new Error('died')) : real.apply(this, by);
      });
    });
    return () => spies.forEach((spy) => spy.mockRestore());
  };
  const cutOff = async (cut: number, act: () => Promise<unknown>) => {
    const revive = dieAt(cut);
    await act().catch(() => undefined);
    revive();
  };
  const CUTS = [0, 1, 2, 3];

  it(
    'adopts what an adoption that was cut off anywhere has left, and what its undo has',
    async () => {
      for (const cut of CUTS)
        for (const undoneTo of CUTS) {
          const { key, from, seen, want } = await byHand();
          const change = { want, before: null };
          await cutOff(cut, () => images.apply({ key }, change, deadline()));
          if (undoneTo === 0) await images.apply({ key }, change, deadline());
          else {
            await cutOff(undoneTo, () => images.undo({ key }, change, deadline()));
            await images.undo({ key }, change, deadline());
          }
          const [is, was] = undoneTo === 0 ? [key, from] : [from, key];
          await expectRenamed({ was, is, seen });
        }
    },
    4 * CALL_MS,
  );

  it(
    'has not released what was cut off anywhere, until the image opens under its new name',
    async () => {
      for (const cut of CUTS) {
        const key = freshKey();
        const seen = await make(key);
        const to = siblingOf(key, `released-${randomUUID()}`);
        const want = { releasedAs: nameIn(to), imageId: seen.imageId };
        const release = () => images.apply({ key }, { want, before: seen }, deadline());
        await cutOff(cut, release);
        // Whoever takes over looks first, and does nothing where it is done.
        if (!cephImage.holds(want, (await look(key)) as ImageSeen | null)) await release();
        await expectRenamed({ was: key, is: to, seen });
      }
    },
    2 * CALL_MS,
  );

  it(
    'adopts nothing that somebody has open, that is smaller than was said, or that is another image by now',
    async () => {
      const { key, from, seen, want } = await byHand();
      const adopt = (over: object) =>
        images.apply({ key }, { want: { ...want, ...over }, before: null }, deadline());
      const stranger = await openAsStranger(from);
      const watches = backendOf(client, cephWatch.name);
      expect(await watches.observe({ key: from }, deadline())).toEqual({ addresses: [stranger.address] });
      await expect(adopt({})).rejects.toMatchObject({ reason: 'stranger' });
      await stranger.close();
      await expect(adopt({ sizeGib: 2 })).rejects.toMatchObject({ reason: 'ceph-missing' });
      await expect(adopt({ imageId: 'another' })).rejects.toMatchObject({ reason: 'ceph-missing' });
      // What was never renamed has nothing to be given back, whoever has the name by now.
      const change = { want: { ...want, imageId: 'another' }, before: null };
      expect(await images.undo({ key }, change, deadline())).toEqual({ seen: null });
      expect([await look(from), await look(key)]).toEqual([seen, null]);
    },
    2 * CALL_MS,
  );

  it(
    'gives no image a name that another has, and leaves both as they are',
    async () => {
      const { key, from, seen, want } = await byHand();
      await images.apply({ key }, { want, before: null }, deadline());
      const other = await make(from);
      const undone = images.undo({ key }, { want, before: null }, deadline());
      await expect(undone).rejects.toBeInstanceOf(InvariantError);
      await expect(undone).rejects.toMatchObject({ reason: 'stranger' });
      expect([await look(key), await look(from)]).toEqual([seen, other]);
    },
    2 * CALL_MS,
  );

  it(
    'releases an image to another name, and takes none that came under its old one',
    async () => {
      const key = freshKey();
      const seen = await make(key);
      const to = siblingOf(key, `released-${randomUUID()}`);
      const change = { want: { releasedAs: nameIn(to), imageId: seen.imageId }, before: seen };
      expect(await images.apply({ key }, change, deadline())).toEqual({ seen: null });
      const stranger = await make(key);
      expect(await images.apply({ key }, change, deadline())).toEqual({ seen: stranger });
      expect([await look(to), await look(key)]).toEqual([seen, stranger]);
    },
    2 * CALL_MS,
  );

  it(
    'finds an image by its internal id, whatever was done to its name, and brings it back',
    async () => {
      const key = freshKey();
      const seen = await make(key);
      const { imageId } = seen;
      const want = { sizeGib: 1, imageId };
      const other = siblingOf(key, `renamed-${randomUUID()}`);
      const name = nameIn(other);
      const rename = { want: { releasedAs: name, imageId }, before: seen };
      const find = () => images.confirm?.({ key }, want, deadline());
      const fetched = () =>
        images.apply({ key }, { want: { restored: true, imageId, from: name }, before: null }, deadline());

      await images.apply({ key }, rename, deadline());
      expect(await find()).toEqual({ imageId, sizeBytes: GIB, state: 'renamed', name });
      expect(await fetched()).toEqual({ seen });

      await images.apply({ key }, rename, deadline());
      await images.apply({ key: other }, { want: { trashed: true }, before: seen }, deadline());
      expect(await find()).toEqual({ imageId, sizeBytes: GIB, state: 'trashed', name });
      expect(await fetched()).toEqual({ seen });

      await images.apply({ key }, { want: { trashed: true }, before: seen }, deadline());
      await images.apply({ key }, { want: null, before: seen }, deadline());
      expect(await find()).toBeNull();
      await expect(fetched()).rejects.toMatchObject({ reason: 'image-missing' });
    },
    3 * CALL_MS,
  );
});
