import type { VolumeId } from '@plumbline/domain';
import { admit, definitionOf } from '@plumbline/engine';
import { intentsOf } from '@plumbline/registry';
import {
  accountShape,
  actionShape,
  dropletShape,
  listShape,
  recordedShape,
  regionShape,
  volumeShape,
} from '../src/v2/shapes.js';
import { ApiWorld } from './api-world.js';

const VM = 1;

describe('volumes over the API', () => {
  let world: ApiWorld;
  beforeAll(async () => {
    world = await ApiWorld.open();
    await world.vm(VM);
  });
  afterEach(() => world.wakeUp());
  afterAll(() => world.close());

  it('creates a volume that is there, in the shape that clients read, from a body with every field empty', async () => {
    const body = {
      name: 'data',
      size_gigabytes: 3,
      region: 'nyc1',
      description: 'Created by a driver',
      filesystem_type: '',
      filesystem_label: null,
      snapshot_id: '',
      tags: ['k8s:one', 'k8s:one'],
      volume_id: 'unknown fields are ignored',
    };
    const created = await world.send('POST', '/v2/volumes', { body });
    expect(created.status).toBe(201);
    const { volume } = created.body;
    expect(volumeShape.strict().parse(volume)).toEqual(volume);
    expect(volume).toMatchObject({
      name: 'data',
      size_gigabytes: 3,
      description: 'Created by a driver',
      droplet_ids: [],
      filesystem_type: '',
      tags: ['k8s:one'],
      region: { slug: 'nyc1', features: ['storage'] },
    });
    const got = await world.send('GET', `/v2/volumes/${volume.id}`);
    expect([got.status, got.body]).toEqual([200, { volume }]);
    expect(got.headers['content-type']).toBe('application/json; charset=utf-8');
    expect(world.sources.images.has(`volumes-nyc1/volume-${volume.id}`)).toBe(true);
  });

  it('attaches, grows, detaches and deletes, each action ending in one instant with its result', async () => {
    const id = await world.volume({ size_gigabytes: 1 });
    const act = async (body: object) => {
      const asked = await world.send('POST', `/v2/volumes/${id}/actions`, { body });
      expect(asked.status).toBe(202);
      expect(actionShape.strict().parse(asked.body.action)).toMatchObject({
        status: 'in-progress',
        completed_at: null,
        resource_id: null,
      });
      const n = asked.body.action.id;
      await world.settled(id);
      const [mine, ours] = await Promise.all([
        world.send('GET', `/v2/volumes/${id}/actions/${n}`),
        world.send('GET', `/v2/actions/${n}`),
      ]);
      expect(mine.body).toEqual(ours.body);
      expect(mine.body.action).toMatchObject({ status: 'completed', completed_at: expect.any(String) });
      return mine.body.action.type;
    };
    expect(await act({ type: 'attach', droplet_id: VM })).toBe('attach_volume');
    const droplet = await world.send('GET', `/v2/droplets/${VM}`);
    expect(dropletShape.strict().parse(droplet.body.droplet).volume_ids).toEqual([id]);
    expect(await act({ type: 'resize', size_gigabytes: 5, region: 'nyc1' })).toBe('resize_volume');
    const grown = await world.send('GET', `/v2/volumes/${id}`);
    expect(grown.body.volume).toMatchObject({ size_gigabytes: 5, droplet_ids: [VM] });
    expect(await act({ type: 'detach', droplet_id: VM })).toBe('detach_volume');
    const deleted = await world.send('DELETE', `/v2/volumes/${id}`, {
      headers: { 'content-type': 'application/json' },
    });
    expect([deleted.status, deleted.text]).toEqual([204, '']);
    expect((await world.send('GET', `/v2/volumes/${id}`)).status).toBe(404);
    const types = (await world.send('GET', '/v2/actions?per_page=5')).body.actions.map(
      (action: { type: string }) => action.type,
    );
    expect(types).toEqual([
      'delete_volume',
      'detach_volume',
      'resize_volume',
      'attach_volume',
      'create_volume',
    ]);
  });

  it('lists the actions of a volume newest first, and none of a volume that is not there', async () => {
    const id = await world.volume();
    await world.send('POST', `/v2/volumes/${id}/actions`, { body: { type: 'resize', size_gigabytes: 2 } });
    await world.settled(id);
    const listed = await world.send('GET', `/v2/volumes/${id}/actions?per_page=1`);
    expect(listShape('actions', actionShape).parse(listed.body)).toBeTruthy();
    expect(listed.body.actions.map((action: { type: string }) => action.type)).toEqual(['resize_volume']);
    expect(listed.body.meta).toEqual({ total: 2 });
    const other = await world.volume();
    const n = listed.body.actions[0]?.id;
    expect((await world.send('GET', `/v2/volumes/${other}/actions/${n}`)).status).toBe(404);
    expect((await world.send('GET', `/v2/volumes/${world.account}/actions`)).status).toBe(404);
  });

  it('lists what still waits among the actions of a volume, but no repair, and counts them all', async () => {
    const id = (await world.volume()) as VolumeId;
    const { engine, registry, account } = world;
    world.resting = true;
    const grow = (gib: number) =>
      world.send('POST', `/v2/volumes/${id}/actions`, { body: { type: 'resize', size_gigabytes: gib } });
    await grow(2);
    await admit(engine, {
      definition: definitionOf(engine.rules.catalog, 'repair-subscription'),
      params: { volumeId: id },
      account: { id: account, name: '', email: '', limits: { volumes: 9, gib: 99 }, createdAt: 0 },
      requestId: 'repair',
    });
    expect(await intentsOf(registry, id)).toBe(3);
    await grow(3);
    const listed = async () => {
      const { body } = await world.send('GET', `/v2/volumes/${id}/actions`);
      const { actions } = listShape('actions', actionShape).parse(body) as {
        actions: readonly { id: number; status: string }[];
      };
      return actions.map(({ id: n, status }) => ({ n, status }));
    };
    const waiting = await listed();
    expect(waiting.map(({ status }) => status)).toEqual(['in-progress', 'in-progress', 'completed']);
    expect(await intentsOf(registry, id)).toBe(4);
    await world.wakeUp();
    await world.settled(id);
    expect(await listed()).toEqual(waiting.map(({ n }) => ({ n, status: 'completed' })));
    expect(await intentsOf(registry, id)).toBe(4);
  });

  it('finds a volume by exact name, in one region or all, and attaches and deletes by name and region', async () => {
    const id = await world.volume({ name: 'named' });
    const twin = await world.volume({ name: 'named', region: 'lon1' });
    const found = async (query: string) =>
      (await world.send('GET', `/v2/volumes?${query}`)).body.volumes.map(
        (volume: { id: string }) => volume.id,
      );
    expect(await found('name=named&region=nyc1')).toEqual([id]);
    expect(await found('region=lon1')).toEqual([twin]);
    expect((await found('name=named')).sort()).toEqual([id, twin].sort());
    expect(await found('name=name')).toEqual([]);
    expect(await found('name=named&region=sfo1')).toEqual([]);
    const attach = { type: 'attach', volume_name: 'named', region: 'nyc1', droplet_id: VM };
    expect((await world.send('POST', '/v2/volumes/actions', { body: attach })).status).toBe(202);
    await world.settled(id);
    const resize = { ...attach, type: 'resize', size_gigabytes: 9 };
    const refused = await world.send('POST', '/v2/volumes/actions', { body: resize });
    expect([refused.status, refused.body.message]).toEqual([422, 'type must be one of attach, detach']);
    const detach = { ...attach, type: 'detach' };
    expect((await world.send('POST', '/v2/volumes/actions', { body: detach })).status).toBe(202);
    await world.settled(id);
    for (const half of ['name=named', 'region=nyc1', ''])
      expect((await world.send('DELETE', `/v2/volumes?${half}`)).status).toBe(422);
    expect((await world.send('DELETE', '/v2/volumes?name=named&region=nyc1')).status).toBe(204);
    expect(await found('name=named')).toEqual([twin]);
  });

  it('walks through all volumes by the links it gives, while more are made, keeping the filters', async () => {
    const { token } = await world.stranger();
    const make = async (at: number) => {
      const body = { name: `walk-${at}`, size_gigabytes: 1, region: 'nyc1' };
      expect((await world.send('POST', '/v2/volumes', { token, body })).status).toBe(201);
    };
    for (let at = 0; at < 7; at += 1) await make(at);
    const names: string[] = [];
    let path: string | null = '/v2/volumes?region=nyc1&per_page=2';
    const headers = { host: 'plumbline.invalid:8080' };
    while (path !== null) {
      const { body } = await world.send('GET', path, { token, headers });
      listShape('volumes', volumeShape).parse(body);
      names.push(...body.volumes.map(({ name }: { name: string }) => name));
      if (names.length === 4) await make(7);
      const next = body.links.pages?.next;
      expect(next ?? 'http://plumbline.invalid:8080/v2/volumes?region=nyc1').toMatch(
        /^http:\/\/plumbline\.invalid:8080\/v2\/volumes\?region=nyc1/,
      );
      path = next === undefined ? null : next.slice('http://plumbline.invalid:8080'.length);
    }
    expect(names).toEqual(Array.from({ length: 8 }, (_, at) => `walk-${at}`));
    const beyond = await world.send('GET', '/v2/volumes?page=99&per_page=2', { token });
    expect([beyond.status, beyond.body.volumes, beyond.body.meta.total]).toEqual([200, [], 8]);
  });

  it('answers 202 with the action where, and only where, that was asked for', async () => {
    const body = { name: 'later', size_gigabytes: 1, region: 'nyc1' };
    const headers = { prefer: 'respond-async' };
    const recorded = await world.send('POST', '/v2/volumes', { body, headers });
    expect(recorded.status).toBe(202);
    const { action, links } = recordedShape.strict().parse(recorded.body);
    expect(recorded.headers['location']).toBe(links.actions[0]?.href);
    await world.settled(links.volume.id);
    expect((await world.send('GET', `/v2/actions/${action.id}`)).body.action.status).toBe('completed');
    expect((await world.send('GET', `/v2/volumes/${links.volume.id}`)).body.volume.name).toBe('later');
    const removed = await world.send('DELETE', `/v2/volumes/${links.volume.id}`, { headers });
    expect([removed.status, removed.body.action.type]).toEqual([202, 'delete_volume']);
  });

  it('shows account, regions and virtual machines in the shapes that clients read', async () => {
    const account = await world.send('GET', '/v2/account');
    expect(accountShape.strict().parse(account.body.account).uuid).toBe(world.account);
    const regions = await world.send('GET', '/v2/regions');
    expect(listShape('regions', regionShape.strict()).parse(regions.body).meta.total).toBe(2);
    expect((await world.send('GET', '/v2/sizes')).body).toEqual({ sizes: [], links: {}, meta: { total: 0 } });
    const ids = async (query: string) =>
      (await world.send('GET', `/v2/droplets?${query}`)).body.droplets.map((vm: { id: number }) => vm.id);
    expect(await ids('')).toEqual([VM]);
    expect(await ids('name=VM-1')).toEqual([VM]);
    expect(await ids('name=vm')).toEqual([]);
    expect(await ids('type=gpus')).toEqual([]);
    expect((await world.send('GET', '/v2/droplets?tag_name=a&name=b')).status).toBe(422);
  });
});

describe('links behind a public address', () => {
  it('are built from that address, whatever host a client used', async () => {
    const world = await ApiWorld.open({ publicUrl: 'https://api.plumbline.invalid/' });
    await world.volume();
    await world.volume();
    const { body } = await world.send('GET', '/v2/volumes?per_page=1');
    expect(body.links.pages?.next).toBe('https://api.plumbline.invalid/v2/volumes?per_page=1&page=2');
    await world.close();
  });
});
