import type { LaneEntry } from '@plumbline/domain';
import { EXAMPLE_VOLUME, intentCatalog } from '@plumbline/intents';
import { expectAgreement, tell } from './describe-intent.js';
import { EngineWorld } from './engine-world.js';

const resource = `volume/${EXAMPLE_VOLUME}` as const;
const exampleOf = (kind: string) => ({ kind, params: intentCatalog.get(kind)?.example ?? null });
const create = exampleOf('volume-create');
const attach = exampleOf('volume-attach');
const detach = exampleOf('volume-detach');
const remove = exampleOf('volume-delete');

const headOf = async (world: EngineWorld): Promise<LaneEntry | undefined> =>
  (await world.snapshot(resource)).lane?.entries[0];

const lookOften = async (world: EngineWorld): Promise<void> => {
  for (let look = 0; look < 10; look += 1) await world.look(resource);
};

describe('a registry of which nobody knows whether it was set back', () => {
  it.each([
    ['moves no image to the trash', [create], remove],
    ['releases no disk', [create, attach], detach],
  ])('%s, spends no try, and goes on when it is known', async (_what, before, last) => {
    const { world } = await tell(before, {});
    const sources = () => JSON.stringify([...world.sources.images, ...world.sources.devices]);
    const [stood, calls] = [sources(), world.sources.calls];
    const action = await world.admit(last.kind, last.params);
    world.isSure = false;
    await lookOften(world);
    expect([sources(), world.sources.calls]).toEqual([stood, calls]);
    expect(await headOf(world)).toMatchObject({ tries: 0, attempt: null, parked: null });
    world.isSure = true;
    expect(await world.settle(resource)).toBe(true);
    expect((await world.action(action)).status).toBe('completed');
    await expectAgreement(world);
  });

  it('builds all the same, and takes back what was built only when it is known', async () => {
    const world = await EngineWorld.open({ calls: (n) => (n === 3 ? 'rejected' : 'served') });
    world.isSure = false;
    await world.admit(create.kind, create.params);
    expect(await world.settle(resource)).toBe(true);
    const action = await world.admit(attach.kind, attach.params);
    await lookOften(world);
    expect([world.sources.images.size, world.sources.nodes.size]).toEqual([1, 1]);
    expect(await headOf(world)).toMatchObject({ tries: 0, attempt: null, undoing: 'refused' });
    world.isSure = true;
    expect(await world.settle(resource)).toBe(true);
    expect([(await world.action(action)).status, world.sources.nodes.size]).toEqual(['errored', 0]);
    await expectAgreement(world);
  });
});

describe('a halt', () => {
  it('has nothing begun, and ends no process however long it lasts', async () => {
    const world = await EngineWorld.open();
    const action = await world.admit(create.kind, create.params);
    world.halted = true;
    await lookOften(world);
    expect([world.sources.calls, (await headOf(world))?.turns]).toEqual([0, 0]);
    world.halted = false;
    await world.settle(resource);
    expect((await world.action(action)).status).toBe('completed');
    await expectAgreement(world);
  });
});
