import { volumeResource } from '@plumbline/domain';
import type { VmRecord } from '@plumbline/domain';
import { EXAMPLE_VOLUME } from '@plumbline/intents';
import { HOST, NYC1, OTHER_VM } from '../engine/engine-world.js';
import { ScrubWorld } from './scrub-world.js';

const resource = volumeResource(EXAMPLE_VOLUME);
const OTHER = 'fedcba98-0000-4000-8000-000000000001';

async function withVolume(...more: readonly string[]): Promise<ScrubWorld> {
  const scrub = await ScrubWorld.open();
  for (const kind of ['volume-create', ...more]) await scrub.carryOut(kind);
  return scrub;
}

async function nameKeyOf({ registry, world }: ScrubWorld): Promise<string> {
  const { record } = await world.snapshot(resource);
  const name = { account: world.account.id, region: NYC1, kind: 'volume', name: record?.name ?? '' } as const;
  return registry.layout.name(name);
}

describe('what a volume holds in the registry', () => {
  it('is not taken from another: the repair is undone, and nothing of it is written', async () => {
    const scrub = await withVolume();
    const { layout } = scrub.registry;
    const key = await nameKeyOf(scrub);
    await scrub.write(key, () => OTHER);
    await scrub.write(layout.owner(EXAMPLE_VOLUME), () => OTHER);
    const action = await scrub.carryOut('repair-claims');
    expect(await scrub.world.action(action)).toMatchObject({ status: 'errored' });
    const [name, owner] = await scrub.registry.kv.read([key, layout.owner(EXAMPLE_VOLUME)]);
    expect([name?.value, owner?.value]).toEqual([OTHER, OTHER]);
    expect(await scrub.parked(EXAMPLE_VOLUME)).toBeNull();
  });

  it('is not taken for put right by who has not listed all records yet', async () => {
    const scrub = await withVolume();
    await scrub.write(scrub.registry.layout.owner(EXAMPLE_VOLUME), () => OTHER);
    await scrub.desk.set({ paused: true });
    await scrub.pass();
    const wrong = await scrub.found();
    for (const record of wrong)
      await scrub.book.change(record, (now) => now && { ...now, state: 'parked', parked: 'by hand' });
    scrub.astray.forget(EXAMPLE_VOLUME);
    await scrub.pass(scrub.scrubber('another'));
    expect(wrong).not.toEqual([]);
    expect((await scrub.found()).map(({ state }) => state)).toEqual(wrong.map(() => 'parked'));
  });

  it('is not given back where somebody has wished for it since', async () => {
    const scrub = await withVolume();
    await scrub.admit('repair-claims', { vms: [OTHER_VM] });
    const attach = await scrub.admit('volume-attach', { vm: OTHER_VM });
    await scrub.world.look(resource);
    const slots = async () =>
      (await scrub.world.json<VmRecord>((layout) => layout.vm(OTHER_VM)))?.slots ?? {};
    await scrub.rest();
    expect(await scrub.world.action(attach)).toMatchObject({ status: 'completed' });
    expect(await slots()).toEqual({ [EXAMPLE_VOLUME]: 'attached' });
    expect(await scrub.pass()).toMatchObject({ confirmed: 0, filed: 0 });
  });

  it('is no action whose intent waits: that goes on, and the lost one ends as errored and is listed', async () => {
    const scrub = await withVolume('volume-attach');
    const { kv, layout } = scrub.registry;
    const lost = await scrub.admit('volume-detach');
    await scrub.write(layout.lane(resource), () => null);
    await scrub.admit('repair-claims', { actions: [lost.n, lost.n + 1] });
    await scrub.rest();
    expect(await scrub.world.action(lost)).toMatchObject({ status: 'in-progress' });
    await scrub.admit('repair-claims', { actions: [lost.n] });
    const waits = await scrub.admit('volume-resize');
    await scrub.write(
      layout.lane(resource),
      (lane) => lane?.replace(`[${lost.n}]`, `[${lost.n},${waits.n}]`) ?? null,
    );
    scrub.world.hostsAway.add(HOST);
    await scrub.world.look(resource);
    expect(await scrub.world.action(lost)).toMatchObject({ status: 'errored', revAfter: null });
    expect(await scrub.world.action(waits)).toMatchObject({ status: 'in-progress' });
    scrub.world.hostsAway.clear();
    await scrub.rest();
    expect(await scrub.world.action(waits)).toMatchObject({ status: 'completed' });
    expect(await kv.keys(layout.volumeActionsOf(EXAMPLE_VOLUME))).toHaveLength(4);
    expect(await scrub.pass()).toMatchObject({ confirmed: 0, filed: 0 });
  });

  it('is given back while the rest of it stands, and its slots are those of record and lane', async () => {
    const scrub = await withVolume('volume-attach');
    const key = await nameKeyOf(scrub);
    const surplus = key.replace(/.$/, (last) => (last === '0' ? '1' : '0'));
    await scrub.write(surplus, () => EXAMPLE_VOLUME);
    const [account, region, , hash] = surplus.slice(scrub.registry.layout.names.length).split('/');
    await scrub.carryOut('repair-claims', {
      names: [`${EXAMPLE_VOLUME}/${account}/${region}/=${hash}`],
      vms: [OTHER_VM],
    });
    const [own, other] = await scrub.registry.kv.read([key, surplus]);
    expect([own?.value, other]).toEqual([EXAMPLE_VOLUME, null]);
    expect(await scrub.pass()).toMatchObject({ confirmed: 0, filed: 0 });
  });
});
