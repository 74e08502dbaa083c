import { randomUUID } from 'node:crypto';
import { errorShape } from '../src/v2/shapes.js';
import { ApiWorld } from './api-world.js';

const VM = 1;
const OTHER_VM = 2;
const GOOD = { name: 'good', size_gigabytes: 1, region: 'nyc1' };

describe('bad input', () => {
  let world: ApiWorld;
  beforeAll(async () => {
    world = await ApiWorld.open();
    await world.vm(VM);
    await world.vm(OTHER_VM);
  });
  afterAll(() => world.close());

  /** Each wrong body, and the field that its answer must name. */
  const WRONG: readonly (readonly [string, object, string])[] = [
    ['no size', { name: 'a', region: 'nyc1' }, 'size_gigabytes'],
    ['size nought', { ...GOOD, size_gigabytes: 0 }, 'size_gigabytes'],
    ['size below nought', { ...GOOD, size_gigabytes: -1 }, 'size_gigabytes'],
    ['size beyond 16 TiB', { ...GOOD, size_gigabytes: 16385 }, 'size_gigabytes'],
    ['a fractional size', { ...GOOD, size_gigabytes: 1.5 }, 'size_gigabytes'],
    ['a size in words', { ...GOOD, size_gigabytes: '10' }, 'size_gigabytes'],
    ['a size beyond numbers', { ...GOOD, size_gigabytes: 1e300 }, 'size_gigabytes'],
    ['no name', { ...GOOD, name: undefined }, 'name'],
    ['an empty name', { ...GOOD, name: '' }, 'name'],
    ['a name with capitals', { ...GOOD, name: 'Good' }, 'name'],
    ['a name with an underscore', { ...GOOD, name: 'a_b' }, 'name'],
    ['a name that begins with a digit', { ...GOOD, name: '1a' }, 'name'],
    ['a name of 65 letters', { ...GOOD, name: 'a'.repeat(65) }, 'name'],
    ['a name with a line end', { ...GOOD, name: 'a\n' }, 'name'],
    ['a name that is a list', { ...GOOD, name: ['a'] }, 'name'],
    ['no region', { ...GOOD, region: undefined }, 'region'],
    ['an empty region', { ...GOOD, region: '' }, 'region'],
    ['an unknown region', { ...GOOD, region: 'moon1' }, 'region'],
    ['a region that is a number', { ...GOOD, region: 1 }, 'region'],
    ['an unknown file system', { ...GOOD, filesystem_type: 'ntfs' }, 'filesystem_type'],
    [
      'a file system, which this version does not make',
      { ...GOOD, filesystem_type: 'ext4' },
      'filesystem_type',
    ],
    ['a label without a file system', { ...GOOD, filesystem_label: 'x' }, 'filesystem_label'],
    [
      'a label too long',
      { ...GOOD, filesystem_type: 'xfs', filesystem_label: 'x'.repeat(13) },
      'filesystem_label',
    ],
    ['tags that are no list', { ...GOOD, tags: 'a' }, 'tags'],
    ['a tag with a space', { ...GOOD, tags: ['a b'] }, 'tags'],
    ['a description that is a number', { ...GOOD, description: 1 }, 'description'],
    ['a description beyond its length', { ...GOOD, description: 'x'.repeat(3000) }, 'description'],
  ];

  it.each(WRONG)(
    'refuses a create with %s, naming the field, and records nothing',
    async (_what, body, field) => {
      const before = world.recorded();
      const answer = await world.send('POST', '/v2/volumes', { body });
      expect(errorShape.strict().parse(answer.body)).toMatchObject({ id: 'unprocessable_entity' });
      expect([answer.status, answer.body.message]).toEqual([422, expect.stringContaining(field)]);
      expect(world.recorded()).toEqual(before);
    },
  );

  it.each([
    ['that breaks off', '{"name":'],
    ['that is no JSON', 'name=a'],
    ['that is a list', '[]'],
    ['that is a text', '"x"'],
  ])('answers 400 to a body %s', async (_what, body) => {
    const answer = await world.send('POST', '/v2/volumes', { body });
    expect([answer.status, answer.body.id]).toEqual([400, 'bad_request']);
    expect(answer.body.message).toContain('error parsing request body');
    expect(answer.headers['x-request-id']).toBe(answer.body.request_id);
  });

  it('answers 413 in the shape of errors to a body over 64 KiB, and records nothing', async () => {
    const before = world.recorded();
    const body = { ...GOOD, description: 'x'.repeat(70_000) };
    const answer = await world.send('POST', '/v2/volumes', { body });
    expect(answer.status).toBe(413);
    expect(errorShape.strict().parse(answer.body).request_id).toBe(answer.headers['x-request-id']);
    expect(world.recorded()).toEqual(before);
  });

  it('takes JSON under any content type', async () => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const body = JSON.stringify({ ...GOOD, name: 'form' });
    expect((await world.send('POST', '/v2/volumes', { body, headers })).status).toBe(201);
  });

  it('answers the same 404 to an unknown id, a foreign one and one that is no id', async () => {
    const { token } = await world.stranger();
    const foreign = await world.volume();
    const bodyOf = (answer: { body: { id: string; message: string } }) => [
      answer.body.id,
      answer.body.message,
    ];
    const same = ['not_found', 'The resource you requested could not be found.'];
    const ids = [
      randomUUID(),
      foreign,
      foreign.toUpperCase(),
      'fake-vol-id',
      'x'.repeat(2000),
      '..%2f..',
      '%00',
      '0',
    ];
    for (const id of ids) {
      const answers = await Promise.all([
        world.send('GET', `/v2/volumes/${id}`, { token }),
        world.send('DELETE', `/v2/volumes/${id}`, { token }),
        world.send('GET', `/v2/volumes/${id}/actions`, { token }),
        world.send('GET', `/v2/volumes/${id}/actions/17`, { token }),
        world.send('POST', `/v2/volumes/${id}/actions`, {
          token,
          body: { type: 'resize', size_gigabytes: 2 },
        }),
      ]);
      expect(answers.map((answer) => [answer.status, ...bodyOf(answer)])).toEqual(
        answers.map(() => [404, ...same]),
      );
    }
    for (const path of [
      'actions/0',
      'actions/-1',
      'actions/9007199254740993',
      'actions/x',
      'droplets/1',
      'droplets/x',
      'nothing',
    ])
      expect([path, (await world.send('GET', `/v2/${path}`, { token })).status]).toEqual([path, 404]);
    expect((await world.send('GET', `/v2/volumes/${foreign}`)).status).toBe(200);
  });

  it('answers an address that cannot be decoded in the shape of errors', async () => {
    const answer = await world.send('GET', '/v2/volumes/%ff%fe');
    expect(answer.status).toBe(400);
    expect(errorShape.strict().parse(answer.body).request_id).toBe(answer.headers['x-request-id']);
  });

  it('makes one volume of a name in a region, also for many requests at the same instant', async () => {
    const body = { ...GOOD, name: 'same' };
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => world.send('POST', '/v2/volumes', { body })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409, 409, 409, 409, 409]);
    const again = await world.send('POST', '/v2/volumes', { body });
    expect([again.status, again.body.message]).toEqual([409, expect.stringContaining('already exists')]);
    const elsewhere = await world.send('POST', '/v2/volumes', { body: { ...body, region: 'lon1' } });
    expect(elsewhere.status).toBe(201);
  });

  it('refuses to delete an attached volume, to attach it twice, and to detach it from where it is not', async () => {
    const id = await world.volume();
    const act = (body: object) => world.send('POST', `/v2/volumes/${id}/actions`, { body });
    expect((await act({ type: 'detach', droplet_id: VM })).body.message).toContain('Attachment not found');
    expect((await act({ type: 'attach', droplet_id: VM })).status).toBe(202);
    await world.settled(id);
    const removed = await world.send('DELETE', `/v2/volumes/${id}`);
    expect([removed.status, removed.body.id]).toEqual([409, 'conflict']);
    const again = await act({ type: 'attach', droplet_id: VM });
    expect([again.status, again.body.message]).toEqual([
      422,
      expect.stringContaining('This volume is already attached'),
    ]);
    const other = await act({ type: 'attach', droplet_id: OTHER_VM });
    expect(other.status).toBe(422);
    expect(other.body.message).not.toContain('This volume is already attached');
    const wrong = await act({ type: 'detach', droplet_id: OTHER_VM });
    expect([wrong.status, wrong.body.message]).toEqual([
      422,
      expect.stringContaining('Attachment not found'),
    ]);
    expect((await world.send('GET', `/v2/volumes/${id}`)).body.volume.droplet_ids).toEqual([VM]);
  });

  it('refuses to shrink, and to grow to the same size or beyond 16 TiB, before anything is asked of a source', async () => {
    const id = await world.volume({ size_gigabytes: 4 });
    const { calls } = world.sources;
    for (const size_gigabytes of [3, 4, 0, -1, 16385, 4.5, '8', null]) {
      const answer = await world.send('POST', `/v2/volumes/${id}/actions`, {
        body: { type: 'resize', size_gigabytes },
      });
      expect([size_gigabytes, answer.status, answer.body.message]).toEqual([
        size_gigabytes,
        422,
        expect.stringContaining('size_gigabytes'),
      ]);
    }
    expect(world.sources.calls).toBe(calls);
    expect((await world.send('GET', `/v2/volumes/${id}/actions`)).body.meta.total).toBe(1);
  });

  it('names the field of an action that is wrong', async () => {
    const id = await world.volume();
    const cases: readonly (readonly [object, number, string])[] = [
      [{}, 422, 'type'],
      [{ type: 'explode' }, 422, 'type must be one of'],
      [{ type: 'attach' }, 422, 'droplet_id'],
      [{ type: 'attach', droplet_id: '1' }, 422, 'droplet_id'],
      [{ type: 'attach', droplet_id: 0 }, 422, 'droplet_id'],
      [{ type: 'attach', droplet_id: 99 }, 404, 'could not be found'],
      [{ type: 'attach', droplet_id: VM, region: 'lon1' }, 422, 'region'],
      [{ type: 'detach' }, 422, 'droplet_id'],
    ];
    for (const [body, status, words] of cases) {
      const answer = await world.send('POST', `/v2/volumes/${id}/actions`, { body });
      expect([body, answer.status, answer.body.message]).toEqual([
        body,
        status,
        expect.stringContaining(words),
      ]);
    }
  });

  it('takes an unknown snapshot for what it is', async () => {
    const body = { ...GOOD, name: 'restored', snapshot_id: randomUUID() };
    expect((await world.send('POST', '/v2/volumes', { body })).status).toBe(404);
  });
});
