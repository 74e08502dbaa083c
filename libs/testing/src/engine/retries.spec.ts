import { EXAMPLE_VOLUME, intentCatalog } from '@plumbline/intents';
import { expectAgreement } from './describe-intent.js';
import { EngineWorld } from './engine-world.js';

const resource = `volume/${EXAMPLE_VOLUME}` as const;
const create = intentCatalog.get('volume-create')!;

describe('retries, when more than a share of the calls failed', () => {
  it('are put off without a call, a try or a write, and made in the end', async () => {
    const world = await EngineWorld.open({ calls: (n) => (n === 1 ? 'transient' : 'served') });
    const action = await world.admit(create.kind, create.example);
    await world.look(resource);
    const headNow = async () => (await world.snapshot(resource)).lane?.entries[0];
    const before = await headNow();
    expect([world.sources.calls, before?.tries]).toEqual([1, 1]);
    while (world.retries.spend());
    const writes = world.writes;
    for (let look = 0; look < 5; look += 1) await world.look(resource);
    expect([world.sources.calls, world.writes, await headNow()]).toEqual([1, writes, before]);
    expect(await world.settle(resource)).toBe(true);
    expect((await world.action(action)).status).toBe('completed');
    await expectAgreement(world);
  });
});

describe('a step that failed', () => {
  it('is not tried again before its time, however often its lane is rung', async () => {
    // A volume is made, and then somebody has its image open: a VM that died, as only time can tell.
    const world = await EngineWorld.open({ calls: (n) => (n === 1 ? 'served' : 'in-use') });
    const remove = intentCatalog.get('volume-delete')!;
    for (const { kind, example } of [create, remove]) {
      await world.admit(kind, example);
      await world.look(resource);
    }
    const triesNow = async () => (await world.snapshot(resource)).lane?.entries[0]?.tries;
    for (let tries = 1; tries <= 3; tries += 1) {
      for (let rings = 0; rings < 20; rings += 1) await world.look(resource);
      expect([world.sources.calls - 1, await triesNow()]).toEqual([tries, tries]);
      world.passedMs += 5_000;
      await world.look(resource);
    }
  });

  it('is tried again at once when the registry’s clock was set back since', async () => {
    const world = await EngineWorld.open({ calls: (n) => (n === 1 ? 'in-use' : 'served') });
    world.passedMs = 3_600_000;
    await world.admit(create.kind, create.example);
    await world.look(resource);
    world.passedMs = 0;
    await world.look(resource);
    expect((await world.snapshot(resource)).lane).toBeNull();
  });
});
