import { EXAMPLE_VOLUME, intentCatalog } from '@plumbline/intents';
import { EngineWorld } from './engine-world.js';

const resource = `volume/${EXAMPLE_VOLUME}` as const;
const create = intentCatalog.get('volume-create')!;

describe('a turn that was given back', () => {
  it('is gone on with only by who knows of every fence, as it may have been taken from the dead', async () => {
    const world = await EngineWorld.open({ calls: (n) => (n === 1 ? 'transient' : 'served') });
    await world.admit(create.kind, create.example);
    await world.look(resource, 0);
    const given = (await world.snapshot(resource)).lane?.entries[0];
    expect([given?.turns, given?.attempt, world.caughtUp]).toEqual([1, null, 0]);
    await world.look(resource, 1);
    expect([(await world.snapshot(resource)).lane, world.caughtUp]).toEqual([null, 1]);
  });
});
