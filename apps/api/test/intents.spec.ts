import { imageKeyOf } from '@plumbline/ceph-facets';
import type { RegionSlug, VolumeId } from '@plumbline/domain';
import type { z } from 'zod';
import { intentShape, laneShape } from '../src/ops/shapes.js';
import { ApiWorld } from './api-world.js';

const ASYNC = { headers: { prefer: 'respond-async' } };
const LOOKS_MAX = 1000;
const OPERATOR = { by: 'ada', reason: 'seen by hand' };

describe('one intent, for operators', () => {
  let world: ApiWorld;
  beforeAll(async () => {
    world = await ApiWorld.open();
    await world.vm(7);
  });
  afterAll(() => world.close());

  /** The entries of a volume's lane; none when it has settled. */
  async function entriesOf(id: string) {
    const { body, status } = await world.ops('GET', `/lanes/volume/${id}`);
    return status === 404 ? [] : laneShape.parse(body.lane).entries;
  }

  async function get(intent: string, query = ''): Promise<z.infer<typeof intentShape>['intent']> {
    const answer = await world.ops('GET', `/intents/${intent}${query}`);
    expect(answer.status).toBe(200);
    return intentShape.parse(answer.body).intent;
  }

  /** A volume whose image was taken away, and the attaching that waits for a person because of it. */
  async function parkedAttach() {
    const id = (await world.volume()) as VolumeId;
    const key = imageKeyOf('nyc1' as RegionSlug, id);
    const image = world.sources.images.get(key)!;
    world.sources.images.delete(key);
    const body = { type: 'attach', droplet_id: 7 };
    await world.send('POST', `/v2/volumes/${id}/actions`, { body, ...ASYNC });
    return { id, intent: await parkedOf(id), restore: () => world.sources.images.set(key, image) };
  }

  async function parkedOf(id: string): Promise<string> {
    for (let looks = 0; looks < LOOKS_MAX; looks += 1) {
      const [head] = await entriesOf(id);
      if (head?.parked) return head.intent;
      await new Promise((resolve) => setImmediate(resolve));
    }
    throw new Error('it was not parked');
  }

  it('shows a parked one with the page that helps, and goes on with it when an operator says so', async () => {
    const { id, intent, restore } = await parkedAttach();
    const shown = await get(intent);
    expect(shown).toMatchObject({
      state: 'parked',
      kind: 'volume-attach',
      position: 0,
      resource: `volume/${id}`,
      account: world.account,
      parked: { reason: 'image-missing', page: 'docs/operating/image-missing.md' },
    });
    expect(await get(intent, `?volume=${id}`)).toEqual(shown);
    restore();
    const answer = await world.ops('POST', `/intents/${intent}/resume`, OPERATOR);
    expect(answer.status).toBe(200);
    expect(intentShape.parse(answer.body).intent).toMatchObject({ state: 'pending', parked: null, tries: 0 });
    await world.settled(id);
    const ended = { state: 'settled', status: 'completed', message: null, account: world.account };
    expect(await get(intent, `?volume=${id}`)).toMatchObject(ended);
    const lines = world.logged.map((line) => JSON.parse(line) as Record<string, unknown>);
    const mine = lines.filter(({ intentId, msg }) => intentId === intent && msg === 'operator intervened');
    expect(mine).toMatchObject([{ ...OPERATOR, what: 'resume', reasonParked: 'image-missing' }]);
    const again = await world.ops('POST', `/intents/${intent}/resume?volume=${id}`, OPERATOR);
    expect([again.status, again.body.message]).toEqual([409, expect.stringContaining('settled')]);
  });

  it('takes one back in the operator’s words, and does not accept what would leave a record untrue', async () => {
    const { id, intent } = await parkedAttach();
    const accepted = await world.ops('POST', `/intents/${intent}/accept`, OPERATOR);
    expect([accepted.status, accepted.body.message]).toEqual([409, expect.stringContaining('not committed')]);
    const undone = await world.ops('POST', `/intents/${intent}/undo`, OPERATOR);
    expect(intentShape.parse(undone.body).intent).toMatchObject({ parked: null, undoing: OPERATOR.reason });
    await world.settled(id);
    expect(await get(intent, `?volume=${id}`)).toMatchObject({
      status: 'errored',
      message: OPERATOR.reason,
    });
    const { volume } = (await world.send('GET', `/v2/volumes/${id}`)).body;
    expect(volume.droplet_ids).toEqual([]);
  });

  it('accepts that the image of a deleted volume stays', async () => {
    const id = (await world.volume()) as VolumeId;
    const key = imageKeyOf('nyc1' as RegionSlug, id);
    world.sources.images.set(key, { imageId: 'a stranger’s', state: 'open', sizeBytes: 1 });
    await world.send('DELETE', `/v2/volumes/${id}`);
    const intent = await parkedOf(id);
    const undone = await world.ops('POST', `/intents/${intent}/undo`, OPERATOR);
    expect([undone.status, undone.body.message]).toEqual([409, expect.stringContaining('committed')]);
    expect((await world.ops('POST', `/intents/${intent}/accept?volume=${id}`, OPERATOR)).status).toBe(200);
    await world.settled(id);
    expect(world.sources.images.has(key)).toBe(true);
    expect(await get(intent, `?volume=${id}`)).toMatchObject({ state: 'settled', status: 'completed' });
  });

  it('leaves alone what waits for nobody, and wants to know who says so and why', async () => {
    const id = await world.volume();
    world.resting = true;
    for (const size_gigabytes of [2, 3])
      await world.send('POST', `/v2/volumes/${id}/actions`, {
        body: { type: 'resize', size_gigabytes },
        ...ASYNC,
      });
    const [head, second] = (await entriesOf(id)).map(({ intent }) => intent);
    expect(await get(second!)).toMatchObject({ state: 'pending', position: 1 });
    for (const [intent, says] of [
      [head!, 'not parked'],
      [second!, head!],
    ] as const)
      for (const what of ['resume', 'undo', 'accept']) {
        const answer = await world.ops('POST', `/intents/${intent}/${what}`, OPERATOR);
        expect([answer.status, answer.body.message]).toEqual([409, expect.stringContaining(says)]);
      }
    const unsaid = await world.ops('POST', `/intents/${head!}/resume`, { by: 'ada' });
    expect([unsaid.status, unsaid.body.message]).toEqual([422, expect.stringContaining('reason')]);
    await world.wakeUp();
    await world.settled(id);
    for (const unknown of [`/intents/${head!}`, '/intents/none', `/intents/${head!}?volume=none`])
      expect((await world.ops('GET', unknown)).status).toBe(404);
    const token = { token: world.token };
    expect((await world.send('GET', `/ops/v1/intents/${head!}`, token)).status).toBe(401);
  });
});
