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
