import { ApiWorld, OPS_TOKEN } from './api-world.js';

describe('access', () => {
  let world: ApiWorld;
  beforeAll(async () => {
    world = await ApiWorld.open();
  });
  afterAll(() => world.close());

  const CALLS = [
    ['GET', '/v2/volumes'],
    ['POST', '/v2/volumes'],
    ['DELETE', '/v2/volumes'],
    ['GET', '/v2/volumes/x'],
    ['DELETE', '/v2/volumes/x'],
    ['GET', '/v2/volumes/x/actions'],
    ['GET', '/v2/volumes/x/actions/1'],
    ['POST', '/v2/volumes/x/actions'],
    ['POST', '/v2/volumes/actions'],
    ['GET', '/v2/actions'],
    ['GET', '/v2/actions/1'],
    ['GET', '/v2/droplets'],
    ['GET', '/v2/droplets/1'],
    ['GET', '/v2/account'],
    ['GET', '/v2/regions'],
    ['GET', '/v2/sizes'],
  ] as const;

  it.each(CALLS)(
    'answers 401 to %s %s without a token, with a wrong one and with a revoked one',
    async (method, path) => {
      const made = await world.ops('POST', `/accounts/${world.account}/tokens`, { name: 'short-lived' });
      const { secret, token } = made.body;
      const get = (sent: string | null) => world.send(method, path, { token: sent });
      expect((await get(secret)).status).not.toBe(401);
      expect((await world.ops('DELETE', `/accounts/${world.account}/tokens/${token.id}`)).status).toBe(204);
      for (const sent of [null, '', 'wrong', `${secret}x`, secret, OPS_TOKEN]) {
        const answer = await get(sent);
        expect([answer.status, answer.body.id, answer.body.message]).toEqual([
          401,
          'unauthorized',
          'Unable to authenticate you.',
        ]);
      }
    },
  );

  it('lets a revoked token do nothing that it could do a moment ago', async () => {
    const made = await world.ops('POST', `/accounts/${world.account}/tokens`, { name: 'short-lived' });
    const { secret, token } = made.body;
    const create = (name: string) =>
      world.send('POST', '/v2/volumes', {
        token: secret,
        body: { name, size_gigabytes: 1, region: 'nyc1' },
      });
    const first = await create('before');
    expect(first.status).toBe(201);
    const { id } = first.body.volume;
    expect((await world.ops('DELETE', `/accounts/${world.account}/tokens/${token.id}`)).status).toBe(204);
    const before = world.recorded();
    const answers = [
      await create('after'),
      await create('before'),
      await create(''),
      await world.send('DELETE', `/v2/volumes/${id}`, { token: secret }),
      await world.send('POST', `/v2/volumes/${id}/actions`, {
        token: secret,
        body: { type: 'resize', size_gigabytes: 2 },
      }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([401, 401, 401, 401, 401]);
    expect(world.recorded()).toEqual(before);
  });

  it('holds an account to the limits it has now', async () => {
    const create = (name: string) =>
      world.send('POST', '/v2/volumes', { body: { name, size_gigabytes: 1, region: 'nyc1' } });
    expect((await create('within')).status).toBe(201);
    world.limit({ volumes: 1, gib: 1 });
    const answer = await create('beyond');
    expect([answer.status, answer.body.message]).toEqual([403, expect.stringContaining('limit exceeded')]);
    world.limit({ volumes: 100, gib: 1000 });
    expect((await create('beyond')).status).toBe(201);
  });

  it('lets only the operators’ own token into their side', async () => {
    for (const token of [null, 'wrong', world.token, `${OPS_TOKEN} `.repeat(2)])
      for (const path of ['accounts', 'vms', 'lanes', 'boots', 'discrepancies', 'volumes/x/truth'])
        expect([path, (await world.send('GET', `/ops/v1/${path}`, { token })).status]).toEqual([path, 401]);
  });

  it('keeps no token in the registry and writes none into a log', async () => {
    await world.volume();
    const { store } = world.consul;
    const kept = store
      .tree('')
      .map(({ key, value }) => `${key} ${value}`)
      .join('\n');
    expect(kept).not.toContain(world.token);
    expect(world.logged.join('\n')).not.toContain(world.token);
    expect(world.logged.join('\n')).not.toContain(OPS_TOKEN);
  });

  it('shows one account nothing of another', async () => {
    await world.vm(1);
    const id = await world.volume();
    await world.send('POST', `/v2/volumes/${id}/actions`, { body: { type: 'attach', droplet_id: 1 } });
    await world.settled(id);
    const { token } = await world.stranger();
    for (const path of ['volumes', 'actions', 'droplets'])
      expect((await world.send('GET', `/v2/${path}`, { token })).body.meta.total).toBe(0);
    const mine = await world.send('POST', '/v2/volumes', {
      token,
      body: { name: 'mine', size_gigabytes: 1, region: 'nyc1' },
    });
    const attach = await world.send('POST', `/v2/volumes/${mine.body.volume.id}/actions`, {
      token,
      body: { type: 'attach', droplet_id: 1 },
    });
    expect([attach.status, attach.body.id]).toEqual([404, 'not_found']);
  });

  it('gives every answer a request id of its own, which a client cannot choose', async () => {
    const headers = { 'x-request-id': 'mine' };
    const one = await world.send('GET', '/v2/account', { headers });
    const other = await world.send('GET', '/v2/nothing', { headers });
    expect(one.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
    expect(other.body.request_id).toBe(other.headers['x-request-id']);
    expect(other.body.request_id).not.toBe(one.headers['x-request-id']);
  });
});
