import { imageKeyOf } from '@plumbline/ceph-facets';
import { nodeNameOf } from '@plumbline/domain';
import type { RegionSlug, VmId, VolumeId } from '@plumbline/domain';
import { diskPlaceOf } from '@plumbline/qemu-facets';
import { listShape } from '../src/v2/shapes.js';
import {
  accountRecordShape,
  bootShape,
  haltShape,
  laneShape,
  tokenShape,
  truthShape,
  vmShape,
} from '../src/ops/shapes.js';
import { ApiWorld, HOST } from './api-world.js';

describe('the operators’ side', () => {
  let world: ApiWorld;
  beforeAll(async () => {
    world = await ApiWorld.open();
  });
  afterAll(() => world.close());

  it('makes an account once for a name, and tokens whose secret is shown once', async () => {
    const body = { name: 'demo', email: 'demo@plumbline.invalid' };
    const made = await world.ops('POST', '/accounts', body);
    const again = await world.ops('POST', '/accounts', body);
    expect([made.status, again.status]).toEqual([201, 200]);
    expect(again.body).toEqual(made.body);
    const id = accountRecordShape.strict().parse(made.body.account).id;
    const issued = await world.ops('POST', `/accounts/${id}/tokens`, { name: 'demo' });
    expect(issued.status).toBe(201);
    expect((await world.send('GET', '/v2/account', { token: issued.body.secret })).body.account.uuid).toBe(
      id,
    );
    const listed = await world.ops('GET', `/accounts/${id}/tokens`);
    expect(listShape('tokens', tokenShape.strict()).parse(listed.body).tokens).toEqual([issued.body.token]);
    expect((await world.ops('GET', `/accounts/${world.account}`)).body.account.id).toBe(world.account);
    expect((await world.ops('POST', '/accounts/none/tokens', { name: 'x' })).status).toBe(404);
    expect((await world.ops('POST', '/accounts', { name: 'x' })).body.message).toContain('email');
  });

  it('enters a VM, keeps its volumes when it is entered again, and does not move it while it has some', async () => {
    await world.vm(7);
    const id = await world.volume();
    await world.send('POST', `/v2/volumes/${id}/actions`, { body: { type: 'attach', droplet_id: 7 } });
    await world.settled(id);
    const body = {
      name: 'renamed',
      region: 'nyc1',
      host: HOST,
      account: world.account,
      socket: '/run/other.sock',
    };
    const changed = await world.ops('PUT', '/vms/7', body);
    expect([changed.status, changed.body.vm.name]).toEqual([200, 'renamed']);
    expect(vmShape.strict().parse(changed.body.vm).slots).toEqual({ [id]: 'attached' });
    const { account } = await world.stranger();
    expect((await world.ops('PUT', '/vms/7', { ...body, account })).status).toBe(409);
    for (const [wrong, field] of [
      [{ region: 'moon1' }, 'region'],
      [{ host: 'host-z' }, 'host'],
      [{ region: 'lon1' }, 'host'],
      [{ account: 'nobody' }, 'account'],
      [{ socket: '' }, 'socket'],
    ] as const) {
      const answer = await world.ops('PUT', '/vms/8', { ...body, ...wrong });
      expect([answer.status, answer.body.message]).toEqual([422, expect.stringContaining(field)]);
    }
    expect((await world.ops('PUT', '/vms/0', body)).status).toBe(422);
    expect((await world.ops('GET', '/vms/8')).status).toBe(404);
    expect((await world.ops('GET', '/vms')).body.meta.total).toBe(1);
  });

  it('shows what waits, and who lives', async () => {
    world.resting = true;
    const body = { name: 'waits', size_gigabytes: 1, region: 'nyc1' };
    const headers = { prefer: 'respond-async' };
    expect((await world.send('POST', '/v2/volumes', { body, headers })).status).toBe(202);
    const lanes = await world.ops('GET', '/lanes');
    const { lanes: waiting } = listShape('lanes', laneShape.strict()).parse(lanes.body);
    expect(waiting.map(({ entries }) => entries[0]?.kind)).toEqual(['volume-create']);
    const resource = lanes.body.lanes[0]?.resource ?? '';
    const one = await world.ops('GET', `/lanes/${resource}`);
    expect(one.body.lane).toEqual(lanes.body.lanes[0]);
    const truth = await world.ops('GET', `/volumes/${resource.slice('volume/'.length)}/truth`);
    expect(truthShape.parse(truth.body)).toMatchObject({ verdict: 'busy', record: null });
    await world.wakeUp();
    await world.settled(resource.slice('volume/'.length));
    expect((await world.ops('GET', `/lanes/${resource}`)).status).toBe(404);
    const boots = await world.ops('GET', '/boots');
    expect(listShape('boots', bootShape.strict()).parse(boots.body).meta.total).toBe(2);
    expect((await world.ops('GET', '/discrepancies')).body).toEqual({
      discrepancies: [],
      links: {},
      meta: { total: 0 },
    });
  });

  it('tells of each source what it sees, whether that is right, and what nobody answered', async () => {
    await world.vm(9);
    const id = (await world.volume({ size_gigabytes: 2 })) as VolumeId;
    await world.send('POST', `/v2/volumes/${id}/actions`, { body: { type: 'attach', droplet_id: 9 } });
    await world.settled(id);
    const owedTo = world.registry.layout.owedTo('billing');
    for (const key of world.consul.store.keys(owedTo)) world.consul.store.transact([{ verb: 'delete', key }]);
    const ask = async () => {
      const answer = await world.ops('GET', `/volumes/${id}/truth`);
      expect(answer.status).toBe(200);
      const truth = truthShape.strict().parse(answer.body);
      return {
        verdict: truth.verdict,
        facets: Object.fromEntries(truth.facets.map((one) => [one.facet, one.agrees])),
      };
    };
    const agreed = {
      'ceph.image': true,
      'qemu.node': true,
      'qemu.device': true,
      'billing.subscription': null,
    };
    expect(await ask()).toEqual({ verdict: 'unknown', facets: agreed });
    const key = imageKeyOf('nyc1' as RegionSlug, id);
    world.sources.images.delete(key);
    expect(await ask()).toEqual({ verdict: 'differs', facets: { ...agreed, 'ceph.image': false } });
    expect((await world.ops('GET', `/volumes/${world.account}/truth`)).status).toBe(404);
    expect((await world.ops('GET', '/volumes/none/truth')).status).toBe(404);
  });

  it('finds a device that nobody wants in any VM of the account, and says nothing of VMs without one', async () => {
    await world.vm(10);
    const id = (await world.volume()) as VolumeId;
    const facets = async () =>
      truthShape
        .parse((await world.ops('GET', `/volumes/${id}/truth`)).body)
        .facets.map((one) => [one.facet, one.expected, one.agrees]);
    const plain = [
      ['ceph.image', { sizeGib: 1, imageId: expect.any(String) as string }, true],
      ['billing.subscription', { sizeGib: 1 }, null],
    ];
    expect(await facets()).toEqual(plain);
    const { key } = diskPlaceOf({ vm: 10 as VmId, host: HOST, volume: id });
    world.sources.devices.set(key, { node: nodeNameOf(id), state: 'plugged' });
    expect(await facets()).toEqual([...plain, ['qemu.device', null, false]]);
  });

  it('takes the trash for the right end of a deleted volume’s image', async () => {
    const id = (await world.volume()) as VolumeId;
    await world.send('DELETE', `/v2/volumes/${id}`);
    await world.settled(id);
    const { facets } = truthShape.parse((await world.ops('GET', `/volumes/${id}/truth`)).body);
    expect(facets.find(({ facet }) => facet === 'ceph.image')).toMatchObject({
      expected: { trashed: true },
      agrees: true,
    });
  });

  it('shows a halt, refuses writes and answers reads meanwhile, and goes on when a person confirms', async () => {
    const { halts } = world.registry;
    const id = await world.volume();
    const shown = async () => haltShape.parse((await world.ops('GET', '/halt')).body);
    const person = { by: 'a person', reason: 'restored on purpose' };
    const confirm = () => world.ops('POST', '/halt', person);
    expect(await shown()).toMatchObject({ halted: false });
    expect((await confirm()).status).toBe(409);
    await halts.declare({ why: 'a witness remembers a higher tick', tick: 7, witnesses: {} });
    expect(await shown()).toMatchObject({ halted: true, tickThen: 7, witnesses: {} });
    const body = { name: 'refused', size_gigabytes: 1, region: 'nyc1' };
    for (const refused of [
      await world.send('POST', '/v2/volumes', { body }),
      await world.send('DELETE', `/v2/volumes/${id}`),
      await world.ops('POST', '/accounts', { name: 'refused', email: 'x@plumbline.invalid' }),
    ]) {
      expect([refused.status, refused.body.message]).toEqual([503, expect.stringMatching(/\(halted\)$/)]);
      expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    }
    expect((await world.send('GET', `/v2/volumes/${id}`)).status).toBe(200);
    // How far the registry was set back is not known yet: nobody can mean to confirm that.
    expect((await confirm()).body.message).toContain('No witness');
    await halts.testify('ceph', 9_000, await halts.read());
    expect((await world.ops('POST', '/halt', { by: 'nobody says why' })).status).toBe(422);
    const confirmed = await confirm();
    expect([confirmed.status, haltShape.parse(confirmed.body)]).toMatchObject([200, { halted: false }]);
    expect((await shown()).registryTick).toBeGreaterThan(9_000);
    expect((await world.send('POST', '/v2/volumes', { body })).status).toBe(201);
    expect(world.logged.join()).toContain('operator confirmed the registry');
  });
});
