import { imageKeyOf } from '@plumbline/ceph-facets';
import type { RegionSlug, VolumeId } from '@plumbline/domain';
import type { z } from 'zod';
import { adoptionShape } from '../src/ops/shapes.js';
import { ApiWorld } from './api-world.js';

const GIB = 1024 ** 3;
const NYC1 = 'nyc1' as RegionSlug;
const WORD = { by: 'ada', reason: 'moved here' };

describe('images that change hands', () => {
  let world: ApiWorld;
  beforeAll(async () => {
    world = await ApiWorld.open();
  });
  afterAll(() => world.close());

  const keyOf = (id: string) => imageKeyOf(NYC1, id as VolumeId);
  const make = (name: string, sizeBytes = 2.5 * GIB) =>
    world.sources.images.set(`volumes-nyc1/${name}`, { imageId: `id-of-${name}`, sizeBytes, state: 'open' });
  const ask = async (path: string, body: object) => {
    const answer = await world.ops('POST', `/volumes/${path}`, { ...WORD, ...body });
    return { status: answer.status, message: answer.body.message, body: answer.body };
  };
  const adopt = (image: string, more: object = {}) =>
    ask('adopt', { account: world.account, region: 'nyc1', image, name: image, ...more });
  const adoptionIn = (body: unknown): z.infer<typeof adoptionShape>['adoption'] =>
    adoptionShape.strict().parse(body).adoption;
  const adopted = async (image: string) => {
    make(image);
    return adoptionIn((await adopt(image)).body).volume;
  };
  const usage = async () => {
    const key = world.registry.layout.usage(world.account);
    return JSON.parse(world.consul.store.get(key)?.value ?? '{"volumes":0,"gib":0}') as object;
  };

  it('makes an image by hand a volume of the account, of its whole GiB, which can be used and deleted', async () => {
    make('golden');
    const { status, body } = await adopt('golden', { description: 'from the old system', tags: ['old'] });
    expect(status).toBe(201);
    const { volume, sizeGib } = adoptionIn(body);
    expect(sizeGib).toBe(2);
    const shown = await world.send('GET', `/v2/volumes/${volume}`);
    expect(shown.body.volume).toMatchObject({ name: 'golden', size_gigabytes: 2, tags: ['old'] });
    expect(world.sources.images.get(keyOf(volume))).toMatchObject({ imageId: 'id-of-golden' });
    expect(world.sources.images.has('volumes-nyc1/golden')).toBe(false);
    expect((await world.ops('GET', `/volumes/${volume}/truth`)).body).toMatchObject({
      record: { imageId: 'id-of-golden' },
    });
    expect((await world.send('DELETE', `/v2/volumes/${volume}`)).status).toBe(204);
    await world.settled(volume);
    expect(world.sources.trash.get(keyOf(volume))).toMatchObject({ imageId: 'id-of-golden' });
  });

  it('adopts nothing that is not there, is too small or too large, in use, or ours under whatever name', async () => {
    const before = world.recorded();
    make('tiny', GIB - 1);
    make('huge', 16_385 * GIB);
    const ours = await world.volume();
    world.sources.images.set('volumes-nyc1/ours', {
      ...world.sources.images.get(keyOf(ours))!,
    });
    make('used');
    const node = { pool: 'volumes-nyc1', image: 'used', sizeBytes: GIB, address: '10.0.0.9:0/1' };
    world.sources.nodes.set('9/used', node);
    const refused = await Promise.all([
      adopt('nowhere'),
      adopt('tiny'),
      adopt('huge'),
      adopt('ours'),
      adopt(`volume-${ours}`, { name: 'again' }),
      adopt('used'),
      adopt('tiny', { region: 'mars1' }),
      adopt('tiny', { account: 'none' }),
      adopt('a/b', { name: 'a' }),
    ]);
    expect(refused.map(({ status }) => status)).toEqual([422, 422, 422, 409, 409, 409, 422, 422, 422]);
    for (const { message } of refused.slice(3, 5)) expect(message).toContain(ours);
    expect(refused[5]?.message).toContain('10.0.0.9:0/1');
    await world.send('DELETE', `/v2/volumes/${ours}`);
    world.sources.images.delete('volumes-nyc1/ours');
    world.sources.nodes.clear();
    await world.settled(ours);
    expect(world.recorded().filter((key) => !key.includes('actions') && !before.includes(key))).toEqual([]);
  });

  it('reserves the quota and the name, and leaves the image as it was where it may not be', async () => {
    await adopted('first');
    make('second');
    expect((await adopt('second', { name: 'first' })).status).toBe(409);
    world.limit({ volumes: 100, gib: 3 });
    expect((await adopt('second')).status).toBe(403);
    world.limit({ volumes: 100, gib: 1000 });
    expect(world.sources.images.get('volumes-nyc1/second')?.imageId).toBe('id-of-second');
  });

  it('does not take what was put under the name since it was looked at', async () => {
    make('swapped');
    world.resting = true;
    const asked = adopt('swapped');
    await new Promise((resolve) => setTimeout(resolve, 50));
    make('swapped');
    world.sources.images.set('volumes-nyc1/swapped', {
      imageId: 'another',
      sizeBytes: 9 * GIB,
      state: 'open',
    });
    await world.wakeUp();
    const { message, status } = await asked;
    expect([status, message]).toEqual([409, expect.stringContaining('was undone')]);
    expect(world.sources.images.get('volumes-nyc1/swapped')?.imageId).toBe('another');
    expect((await adopt('again', { name: 'swapped' })).status).toBe(422);
    make('again');
    expect((await adopt('again', { name: 'swapped' })).status).toBe(201);
  });

  it('releases a volume with its image as it is, and forgets it', async () => {
    const id = await adopted('leaving');
    const image = world.sources.images.get(keyOf(id));
    await world.vm(3);
    await world.send('POST', `/v2/volumes/${id}/actions`, { body: { type: 'attach', droplet_id: 3 } });
    await world.settled(id);
    expect((await ask(`${id}/release`, {})).status).toBe(409);
    await world.send('POST', `/v2/volumes/${id}/actions`, { body: { type: 'detach', droplet_id: 3 } });
    await world.settled(id);
    expect((await ask(`${id}/release`, { image: `volume-${id}` })).status).toBe(422);
    expect((await ask(`${id}/release`, { image: 'swapped' })).status).toBe(409);
    const before = (await usage()) as { gib: number };
    const { body, status } = await ask(`${id}/release`, {});
    expect([status, adoptionIn(body).image]).toEqual([200, `released-${id}`]);
    await world.settled(id);
    expect(world.sources.images.get(`volumes-nyc1/released-${id}`)).toEqual(image);
    expect([world.sources.images.has(keyOf(id)), world.sources.trash.has(keyOf(id))]).toEqual([false, false]);
    expect(world.consul.store.get(world.registry.layout.tombstone(id as VolumeId))).toBeNull();
    expect((await world.send('GET', `/v2/volumes/${id}`)).status).toBe(404);
    expect(await usage()).toMatchObject({ gib: before.gib - 2 });
    expect((await ask(`${id}/release`, {})).status).toBe(404);
  });

  it('records the size of an image that was grown by hand, within the account’s limit', async () => {
    const id = await world.volume();
    expect((await ask(`${id}/adopt-size`, {})).status).toBe(409);
    const grow = (sizeBytes: number) =>
      world.sources.images.set(keyOf(id), { ...world.sources.images.get(keyOf(id))!, sizeBytes });
    grow(500 * GIB);
    world.limit({ volumes: 100, gib: 100 });
    expect((await ask(`${id}/adopt-size`, {})).status).toBe(403);
    grow(4 * GIB + 1);
    const { body, status } = await ask(`${id}/adopt-size`, {});
    expect([status, adoptionIn(body).sizeGib]).toEqual([200, 4]);
    expect((await world.send('GET', `/v2/volumes/${id}`)).body.volume.size_gigabytes).toBe(4);
  });
});
