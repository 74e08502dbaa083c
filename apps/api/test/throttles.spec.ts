import { volumeResource } from '@plumbline/domain';
import type { AccountId } from '@plumbline/domain';
import { PendingWork } from '@plumbline/registry';
import { throttleShape } from '../src/ops/shapes.js';
import { ApiWorld, HOST } from './api-world.js';

const QEMU = `qemu-${HOST}`;

describe('throttles', () => {
  let world: ApiWorld;
  beforeEach(async () => {
    world = await ApiWorld.open({ pendingMax: 5 });
  });
  afterEach(() => world.close());

  it('shows every source, and what is set, though Redis cannot be asked', async () => {
    const { status, body } = await world.ops('GET', '/throttles');
    expect(status).toBe(200);
    const throttles = throttleShape.strict().array().parse(body.throttles);
    expect(throttles.map(({ source }) => source)).toEqual(['ceph', QEMU, 'billing']);
    expect(throttles[0]).toMatchObject({
      set: { paused: false, concurrency: null },
      queue: null,
      workers: null,
    });
  });

  it('keeps with PATCH what is not named, and forgets it with PUT', async () => {
    const set = (method: 'PUT' | 'PATCH', body: object) =>
      world.ops(method, `/throttles/${QEMU}`, { by: 'ada', ...body });
    const first = await set('PATCH', { ratePerSecond: 5, concurrency: 2 });
    expect(first.status).toBe(200);
    const second = await set('PATCH', { paused: true, concurrency: null });
    expect(second.body.throttle.set).toMatchObject({
      paused: true,
      ratePerSecond: 5,
      concurrency: null,
      by: 'ada',
    });
    expect((await world.ops('GET', `/throttles/${QEMU}`)).body.throttle).toEqual(second.body.throttle);
    expect((await set('PUT', { concurrencyTotal: 7 })).body.throttle.set).toMatchObject({
      paused: false,
      ratePerSecond: null,
      concurrencyTotal: 7,
    });
    expect((await world.ops('GET', '/throttles/ceph')).body.throttle.set.concurrencyTotal).toBeNull();
  });

  it.each([
    ['ceph', { ratePerSecond: -1 }, 'ratePerSecond'],
    ['ceph', { ratePerSecond: '5' }, 'ratePerSecond'],
    ['ceph', { concurrency: 0 }, 'concurrency'],
    ['ceph', { concurrency: 1.5 }, 'concurrency'],
    ['ceph', { concurrencyTotal: 1e9 }, 'concurrencyTotal'],
    ['ceph', { paused: 'yes' }, 'paused'],
    ['ceph', { pause: true }, 'pause'],
    ['ceph', { by: '' }, 'by'],
    ['billing', { concurrency: 3 }, 'concurrency'],
  ])('refuses for %s what cannot be, %j, and names it', async (source, body, field) => {
    for (const method of ['PUT', 'PATCH'] as const) {
      const answer = await world.ops(method, `/throttles/${source}`, { by: 'ada', ...body });
      expect(answer.status).toBe(422);
      expect(answer.body.message).toContain(field);
    }
    expect((await world.ops('GET', `/throttles/${source}`)).body.throttle.set.by).toBe('configuration');
  });

  it('says which sources there are to who names another', async () => {
    const { status, body } = await world.ops('PUT', '/throttles/qemu', { by: 'ada', paused: true });
    expect(status).toBe(404);
    expect(body.message).toContain(QEMU);
  });

  describe('of what one account has waiting', () => {
    const create = (name: string, token?: string) =>
      world.send('POST', '/v2/volumes', {
        body: { name, region: 'nyc1', size_gigabytes: 1 },
        headers: { prefer: 'respond-async' },
        ...(token === undefined ? {} : { token }),
      });
    const counted = async (accounts: [AccountId, number][], owedFull: string[] = []) => {
      const owed = owedFull.map((id) => volumeResource(id as never));
      const at = Date.now() + counts++;
      await new PendingWork(world.registry).publish({ at, accounts: new Map(accounts), owedFull: owed });
      await world.pending.look();
    };
    let counts = 0;

    it('answers 429 when it is too much, to that account alone, and no longer when it is less', async () => {
      world.resting = true;
      await counted([]);
      for (let n = 0; n < 5; n++) expect((await create(`v${n}`)).status).toBe(202);
      const refused = await create('one-too-many');
      expect(refused.status).toBe(429);
      expect(refused.body).toMatchObject({ id: 'too_many_requests' });
      expect(refused.headers['retry-after']).toBeDefined();
      const { token } = await world.stranger();
      expect((await create('theirs', token)).status).toBe(202);
      await counted([[world.account, 1000]]);
      expect((await create('still')).status).toBe(429);
      // Twice: what was admitted just before a count may not be in it.
      await counted([]);
      await counted([]);
      expect((await create('again')).status).toBe(202);
    });

    it('answers 429 for a volume of which too much is still owed', async () => {
      const id = await world.volume();
      const resize = () =>
        world.send('POST', `/v2/volumes/${id}/actions`, { body: { type: 'resize', size_gigabytes: 9 } });
      await counted([], [id]);
      expect((await resize()).status).toBe(429);
      await counted([]);
      expect((await resize()).status).toBe(202);
      await world.settled(id);
    });
  });
});
