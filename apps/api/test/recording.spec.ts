import type { VolumeId } from '@plumbline/domain';
import { volumeResource } from '@plumbline/domain';
import { ApiWorld } from './api-world.js';

const BODY = { name: 'keyed', size_gigabytes: 1, region: 'nyc1' };

describe('recording requests', () => {
  it('makes one volume for one idempotency key, and answers every repetition with it', async () => {
    const world = await ApiWorld.open();
    const send = (key: string, body: object = BODY) =>
      world.send('POST', '/v2/volumes', { body, headers: { 'idempotency-key': key } });
    const together = await Promise.all(Array.from({ length: 6 }, () => send('one')));
    expect(together.map(({ status }) => status)).toEqual(together.map(() => 201));
    const ids = new Set(together.map(({ body }) => body.volume.id));
    expect(ids.size).toBe(1);
    const [id] = [...ids];
    expect((await send('one', { ...BODY, tags: [] })).body.volume.id).toBe(id);
    const other = await send('one', { ...BODY, size_gigabytes: 2 });
    expect([other.status, other.body.message]).toEqual([422, expect.stringContaining('Idempotency-Key')]);
    expect((await send('two')).status).toBe(409);
    expect((await send('')).status).toBe(422);
    expect((await world.send('GET', '/v2/volumes')).body.meta.total).toBe(1);
    await world.send('DELETE', `/v2/volumes/${id}`);
    const replayed = await send('one');
    expect([replayed.status, replayed.body.volume.id, replayed.body.volume.name]).toEqual([201, id, 'keyed']);
    expect((await world.send('GET', '/v2/volumes')).body.meta.total).toBe(0);
    await world.close();
  });

  it('keeps the keys of two accounts apart', async () => {
    const world = await ApiWorld.open();
    const headers = { 'idempotency-key': 'shared' };
    const { token } = await world.stranger();
    const mine = await world.send('POST', '/v2/volumes', { body: BODY, headers });
    const theirs = await world.send('POST', '/v2/volumes', {
      body: { ...BODY, size_gigabytes: 2 },
      headers,
      token,
    });
    expect([mine.status, theirs.status]).toEqual([201, 201]);
    await world.close();
  });

  it('answers 503 pending when the commit does not come in time, and the request goes on', async () => {
    const world = await ApiWorld.open({ waitMs: 30 });
    world.resting = true;
    const late = await world.send('POST', '/v2/volumes', { body: BODY, headers: { 'idempotency-key': 'k' } });
    expect([late.status, late.body.id]).toEqual([503, 'service_unavailable']);
    expect(late.body.message).toMatch(/action \d+ .*\(pending\)$/);
    expect(late.headers['retry-after']).toBe('2');
    const n = /action (\d+)/.exec(late.body.message)?.[1];
    expect((await world.send('GET', `/v2/actions/${n}`)).body.action.status).toBe('in-progress');
    expect((await world.send('GET', '/v2/volumes?name=keyed&region=nyc1')).body.volumes).toEqual([]);
    expect((await world.send('POST', '/v2/volumes', { body: BODY })).status).toBe(409);
    const [key = ''] = world.consul.store.keys(world.registry.layout.lanes);
    const id = key.slice(-36);
    await world.wakeUp();
    await world.settled(id);
    const found = await world.send('GET', '/v2/volumes?name=keyed&region=nyc1');
    expect(found.body.volumes.map((volume: { id: string }) => volume.id)).toEqual([id]);
    const again = await world.send('POST', '/v2/volumes', {
      body: BODY,
      headers: { 'idempotency-key': 'k' },
    });
    expect([again.status, again.body.volume.id]).toEqual([201, id]);
    await world.close();
  });

  it('deletes a volume that is still being made: both end, and nothing is left', async () => {
    const world = await ApiWorld.open({ waitMs: 5000 });
    world.resting = true;
    const creating = world.send('POST', '/v2/volumes', { body: BODY });
    const { layout } = world.registry;
    while (world.consul.store.keys(layout.lanes).length === 0)
      await new Promise((resolve) => setImmediate(resolve));
    const id = world.consul.store.keys(layout.lanes)[0]?.slice(-36) ?? '';
    const deleting = world.send('DELETE', `/v2/volumes/${id}`);
    const entries = () => world.consul.store.get(layout.lane(volumeResource(id as VolumeId)))?.value ?? '';
    while (!entries().includes('volume-delete')) await new Promise((resolve) => setImmediate(resolve));
    await world.wakeUp();
    const [created, deleted] = await Promise.all([creating, deleting]);
    expect([created.status, deleted.status]).toEqual([409, 204]);
    expect(world.sources.images.size).toBe(0);
    expect((await world.send('POST', '/v2/volumes', { body: BODY })).status).toBe(201);
    await world.close();
  });

  it('refuses at the limits of the account in the words that clients look for', async () => {
    const world = await ApiWorld.open();
    const made = await world.ops('POST', '/accounts', {
      name: 'small',
      email: 'a@b',
      limits: { volumes: 2, gib: 3 },
    });
    const issued = await world.ops('POST', `/accounts/${made.body.account.id}/tokens`, { name: 't' });
    const token = issued.body.secret;
    const create = async (name: string, size_gigabytes: number) =>
      await world.send('POST', '/v2/volumes', { token, body: { ...BODY, name, size_gigabytes } });
    const answers = await Promise.all(['a', 'b', 'c', 'd'].map((name) => create(name, 1)));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 201, 403, 403]);
    const refused = answers.find(({ status }) => status === 403);
    expect(refused?.body).toMatchObject({
      id: 'forbidden',
      message: expect.stringContaining('capacity limit exceeded'),
    });
    const { volumes } = (await world.send('GET', '/v2/volumes', { token })).body;
    const grow = { type: 'resize', size_gigabytes: 3 };
    expect(
      (await world.send('POST', `/v2/volumes/${volumes[0]?.id}/actions`, { token, body: grow })).status,
    ).toBe(403);
    await world.close();
  });

  it('says 503 unavailable at once when Consul refuses, records nothing, and goes on when it is back', async () => {
    let isAway = false;
    const world = await ApiWorld.open({ manners: { fate: () => (isAway ? 'refused' : 'served') } });
    const id = await world.volume();
    const before = world.recorded();
    isAway = true;
    const answers = await Promise.all([
      world.send('POST', '/v2/volumes', { body: BODY }),
      world.send('GET', `/v2/volumes/${id}`),
      world.send('DELETE', `/v2/volumes/${id}`),
      world.send('GET', '/v2/actions'),
    ]);
    for (const { body, headers, status } of answers) {
      expect([status, body.id]).toEqual([503, 'service_unavailable']);
      expect(body.message).toContain('(unavailable)');
      expect(headers['retry-after']).toBe('1');
    }
    isAway = false;
    expect(world.recorded()).toEqual(before);
    expect((await world.send('GET', `/v2/volumes/${id}`)).status).toBe(200);
    await world.close();
  });

  it('tells nothing of its insides when something unforeseen goes wrong', async () => {
    const world = await ApiWorld.open();
    const id = await world.volume();
    await world.settled(id);
    const key = world.registry.layout.volume(world.account, id as VolumeId);
    world.consul.store.transact([{ verb: 'set', key, value: '{"half":' }]);
    const answer = await world.send('GET', `/v2/volumes/${id}`);
    expect([answer.status, answer.body.id]).toEqual([500, 'server_error']);
    expect(JSON.stringify(answer.body)).not.toMatch(/JSON|half|volumes\//);
    expect(
      world.logged.some((line) => line.includes('request failed') && line.includes(answer.body.request_id)),
    ).toBe(true);
    await world.close();
  });
});
