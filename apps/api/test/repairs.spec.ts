import { diskPlaceOf } from '@plumbline/qemu-facets';
import { notFound, volumeResource } from '@plumbline/domain';
import type { DiscrepancyRecord, RepairAnswer, VmId, VolumeId } from '@plumbline/domain';
import { Requests, admit, definitionOf } from '@plumbline/engine';
import type { RequestPorts } from '@plumbline/engine';
import { Discrepancies, RegistryAccounts, ScrubDesk } from '@plumbline/registry';
import { z } from 'zod';
import { repairPlanShape, repairsShape } from '../src/ops/scrub-shapes.js';
import { ApiWorld, HOST } from './api-world.js';
import { book, clear, plant } from './planted.js';

const ADA = { by: 'ada', reason: 'read and meant' };
const VM = 7 as VmId;
const DAY_MS = 24 * 3600 * 1000;
const PLANNED = z.object({ plan: repairPlanShape.strict() });
const SHOWN = z.object({ repairs: repairsShape });
const NEVER = new AbortController().signal;

describe('plans of repairs', () => {
  let world: ApiWorld;
  let desk: ScrubDesk;
  beforeAll(async () => {
    world = await ApiWorld.open();
    desk = new ScrubDesk(world.registry);
    await world.vm(VM);
  });
  afterEach(async () => {
    await clear(world);
    await desk.set({ modes: { 'device-lost': 'repair', 'node-lost': 'repair' }, paused: false });
    for (const { facet } of await desk.brakes()) await desk.release(facet, { ...ADA, at: 0 });
  });
  afterAll(() => world.close());

  async function plan(filter: object = {}): Promise<z.infer<typeof repairPlanShape>> {
    const { body, status } = await world.ops('POST', '/repairs/plan', filter);
    expect(status).toBe(200);
    return PLANNED.parse(body).plan;
  }

  const apply = (hash: string, filter: object = {}) =>
    world.ops('POST', '/repairs/apply', { hash, ...filter, ...ADA });

  async function became(hash: string): Promise<z.infer<typeof repairsShape>> {
    return SHOWN.parse((await world.ops('GET', `/repairs/${hash}`)).body).repairs;
  }

  /** The scrubber's ports, as far as requests need them. */
  function ports(more: Partial<RequestPorts> = {}): RequestPorts {
    const { engine, registry, sources } = world;
    const accounts = new RegistryAccounts(registry.kv, registry.layout);
    return {
      name: 'scrubber-1',
      journal: engine.journal,
      sources: [...sources.backendsOf('ceph').values(), ...sources.backendsOf('qemu').values()],
      volumeIds: () => (async function* () {})(),
      isOwed: () => Promise.resolve(false),
      intents: () => Promise.resolve(0),
      book: new Discrepancies(registry),
      desk,
      async file({ account, kind, onlyIf, params }) {
        const definition = definitionOf(engine.rules.catalog, kind);
        const of = await accounts.find(account);
        if (of === null) throw notFound();
        const parsed = definition.params.parse(params);
        const { action } = await admit(engine, {
          definition,
          params: parsed,
          account: of,
          requestId: 'x',
          onlyIf,
        });
        return action.intent;
      },
      revFloor: () => 0,
      volumesPerSecond: 1,
      silenceMs: 1,
      repairsPerHour: 0,
      monotonicMs: () => 0,
      now: () => registry.boots.registryNow(),
      sleep: () => Promise.resolve(),
      within: (_by, call) => call(new AbortController().signal),
      log: engine.log,
      ...more,
    };
  }

  /** A volume whose disk its VM has lost, as the scrubber has confirmed it. */
  async function lost() {
    const volume = (await world.volume()) as VolumeId;
    await world.send('POST', `/v2/volumes/${volume}/actions`, { body: { type: 'attach', droplet_id: VM } });
    await world.settled(volume);
    const place = diskPlaceOf({ vm: VM, host: HOST, volume });
    world.sources.devices.delete(place.key);
    const { recordIndex } = await world.engine.journal.read(volumeResource(volume));
    const planted = await plant(world, {
      facet: 'qemu.device',
      class: 'missing',
      ...place,
      volume,
      recordIndex,
      want: { name: 'x' },
      seen: null,
      remedy: { name: 'device-lost', does: 'repair', why: 'attached again' },
    });
    return { ...planted, volume, key: place.key };
  }

  it('say what would be done and what is held and why, and have a hash of the facts alone', async () => {
    const { id, record } = await plant(world, { firstSeenAt: 1 });
    const why = { parked: '3 repairs did not help', accepted: { ...ADA, until: 1 } };
    const held = await Promise.all([
      plant(world, { firstSeenAt: 2, state: 'parked', parked: why.parked }),
      plant(world, { firstSeenAt: 3, state: 'accepted', accepted: why.accepted }),
      plant(world, { firstSeenAt: 4, state: 'seen-once' }),
      plant(world, { firstSeenAt: 5, state: 'repairing' }),
      plant(world, { firstSeenAt: 6, remedy: { name: 'image-unknown', does: 'report', why: 'somebody’s' } }),
      plant(world, { firstSeenAt: 7, facet: 'qemu.node', remedy: { ...record.remedy, name: 'node-lost' } }),
      plant(world, {
        firstSeenAt: 8,
        facet: 'qemu.device',
        remedy: { ...record.remedy, name: 'device-lost' },
      }),
    ]);
    await plant(world, { state: 'repaired' });
    await desk.engage({ facet: 'qemu.node', why: 'share', at: 5, wrong: 60, of: 2000 });
    await desk.set({ modes: { 'device-lost': 'off', 'image-trashed': 'report' } });
    const first = await plan();
    expect(first.would).toEqual([
      expect.objectContaining({ id, kind: 'repair-image', does: 'repair', seen: { state: 'trashed' } }),
    ]);
    expect(first.held.map((one) => [one.id, one.by])).toEqual(
      held.map((one, at) => [
        one.id,
        ['parked', 'accepted', 'seen-once', 'repairing', 'by-hand', 'brake', 'off'][at],
      ]),
    );
    expect(first.held.slice(0, 2).map((one) => one.why)).toEqual([why.parked, 'ada: read and meant']);
    await book(world).change(record, () => ({
      ...record,
      lastSeenAt: 99,
      firstSeenAt: 0,
      seenBy: 'another',
    }));
    expect((await plan()).hash).toBe(first.hash);
    const of = { volume: record.volume ?? '' };
    expect((await plan(of)).would).toEqual(first.would);
    expect((await plan(of)).held).toEqual([]);
    expect((await plan(of)).hash).not.toBe(first.hash);
    expect((await plan({ remedy: 'device-lost' })).held).toHaveLength(1);
    await book(world).change(record, () => ({ ...record, recordIndex: record.recordIndex + 1 }));
    expect((await plan()).hash).not.toBe(first.hash);
    await book(world).change(record, () => ({ ...record, seen: { state: 'gone' } }));
    expect((await plan()).hash).not.toBe(first.hash);
    await desk.set({ paused: true });
    expect((await plan()).would).toEqual([]);
    for (const [body, words] of [
      [{ remedy: 'hope' }, 'remedy must be one of image-trashed'],
      [{ volume: 'x' }, 'volume must be'],
      [{ volume: record.volume, remedy: 'device-lost' }, 'cannot both'],
    ] as const) {
      const answer = await world.ops('POST', '/repairs/plan', body);
      expect([answer.status, answer.body.message]).toEqual([422, expect.stringContaining(words)]);
    }
  });

  it('are not carried out when something else would be done by now, or nothing', async () => {
    const { record } = await plant(world);
    const { hash } = await plan();
    const refused = async (answer: ReturnType<typeof apply>, words: string) =>
      expect([(await answer).status, (await answer).body.message]).toEqual([
        409,
        expect.stringContaining(words),
      ]);
    await refused(apply(hash, { remedy: 'image-trashed' }), 'plan again');
    await plant(world);
    await refused(apply(hash), 'plan again');
    await clear(world);
    await refused(apply(hash), 'plan again');
    await refused(apply((await plan()).hash), 'nothing would be done');
    expect((await world.ops('POST', '/repairs/apply', { hash })).status).toBe(422);
    expect((await world.ops('POST', '/repairs/apply', { hash: 'x', ...ADA })).status).toBe(422);
    expect(await desk.requests()).toEqual([]);
    expect((await world.ops('GET', `/repairs/${hash}`)).status).toBe(404);
    expect((await world.ops('GET', '/repairs/x')).status).toBe(404);
    await book(world).change(record, () => record);
    expect((await apply(hash)).status).toBe(202);
    await new Requests(ports()).round(NEVER);
  });

  it('repair what is still as it was planned, whatever is only reported, and say why the rest was left', async () => {
    const [good, healed, changed, busy] = [await lost(), await lost(), await lost(), await lost()];
    const moved = await lost();
    const { recordIndex } = moved.record;
    await book(world).change(moved.record, (now) => now && { ...now, recordIndex: recordIndex - 1 });
    await desk.set({ modes: { 'device-lost': 'report' } });
    const { hash, would } = await plan();
    expect(would).toHaveLength(5);
    expect(would[0]).toMatchObject({ facet: 'qemu.device', class: 'missing', kind: 'repair-disk' });
    const applied = await apply(hash);
    expect([applied.status, await became(hash)]).toMatchObject([202, { state: 'waiting', ...ADA }]);
    world.sources.devices.set(healed.key, { node: `node-${healed.volume}`, state: 'plugged' });
    world.sources.devices.set(changed.key, { node: '', state: 'driveless' });
    world.resting = true;
    await world.send('POST', `/v2/volumes/${busy.volume}/actions`, {
      body: { type: 'detach', droplet_id: VM },
      headers: { prefer: 'respond-async' },
    });
    await new Requests(ports()).round(NEVER);
    const done = await became(hash);
    if (done.state !== 'done') throw new Error('it waits still');
    expect(done.filed).toEqual([{ id: good.id, intent: expect.any(String) as string }]);
    expect(new Map(done.passedOver.map(({ id, why }) => [id, why]))).toEqual(
      new Map([
        [healed.id, 'agrees'],
        [changed.id, 'changed'],
        [moved.id, 'changed'],
        [busy.id, 'unknown'],
      ]),
    );
    expect(await book(world).find(good.id)).toMatchObject({ state: 'repairing', repairs: 1 });
    await world.wakeUp();
    await world.settled(good.volume);
    expect(world.sources.devices.get(good.key)).toMatchObject({ state: 'plugged' });
    const intent = done.filed[0]?.intent ?? '';
    const settled = await world.ops('GET', `/intents/${intent}?volume=${good.volume}`);
    expect(settled.body).toMatchObject({ intent: { kind: 'repair-disk', status: 'completed' } });
    expect((await apply(hash)).status).toBe(409);
  });

  it.each([
    ['brake', () => desk.engage({ facet: 'qemu.device', why: 'share', at: 5, wrong: 60, of: 2000 })],
    ['paused', () => desk.set({ paused: true })],
    ['off', () => desk.set({ modes: { 'device-lost': 'off' } })],
  ])('are held back by what came after they were read: %s', async (why, comes) => {
    const { id, key, volume } = await lost();
    const { hash } = await plan({ volume });
    expect((await apply(hash, { volume })).status).toBe(202);
    await comes();
    await new Requests(ports()).round(NEVER);
    expect(await became(hash)).toMatchObject({ state: 'done', filed: [], passedOver: [{ id, why }] });
    expect(world.sources.devices.has(key)).toBe(false);
  });

  it('are held back when the registry was set back since anybody has looked', async () => {
    const { id, volume } = await lost();
    const { hash } = await plan({ volume });
    expect((await apply(hash, { volume })).status).toBe(202);
    await new Requests(ports({ revFloor: () => 1_000_000 })).round(NEVER);
    expect(await became(hash)).toMatchObject({
      state: 'done',
      filed: [],
      passedOver: [{ id, why: 'brake' }],
    });
  });

  it('are carried on by whoever takes the lead in the middle: each is recorded once', async () => {
    const disks = [await lost(), await lost()];
    const { hash } = await plan();
    await apply(hash);
    world.resting = true;
    let left = 1;
    const file: RequestPorts['file'] = async (filing) => {
      if (left === 0) throw new Error('the process ends here');
      left -= 1;
      return await ports().file(filing);
    };
    await expect(new Requests(ports({ file })).round(NEVER)).rejects.toThrow('ends here');
    expect(await became(hash)).toMatchObject({ state: 'waiting' });
    const [answer] = (await new Requests(ports()).round(NEVER)) as [RepairAnswer];
    const intents = await Promise.all(disks.map(async ({ id }) => (await book(world).find(id))?.intent));
    expect(new Set(answer.filed.map(({ intent }) => intent))).toEqual(new Set(intents));
    expect(answer.passedOver).toEqual([]);
    for (const { id, volume } of disks) {
      const { lane } = await world.engine.journal.read(volumeResource(volume));
      const record = (await book(world).find(id)) as DiscrepancyRecord;
      expect(lane?.entries.map(({ intent }) => intent)).toEqual([record.intent]);
    }
    await world.wakeUp();
    for (const { volume } of disks) await world.settled(volume);
  });

  it('are forgotten a day after they were carried out, and not before', async () => {
    await plant(world, { volume: (await world.volume()) as VolumeId });
    const { hash } = await plan();
    await apply(hash);
    const inMs = (ms: number) => ports({ now: () => world.registry.boots.registryNow() + ms });
    await new Requests(ports()).round(NEVER);
    await new Requests(inMs(DAY_MS - 60_000)).round(NEVER);
    expect(await became(hash)).toMatchObject({ state: 'done' });
    await new Requests(inMs(DAY_MS + 60_000)).round(NEVER);
    expect((await world.ops('GET', `/repairs/${hash}`)).status).toBe(404);
  });
});
