import { EXAMPLE_VOLUME, intentCatalog } from '@plumbline/intents';
import { expectAgreement } from './describe-intent.js';
import { EngineWorld } from './engine-world.js';

const resource = `volume/${EXAMPLE_VOLUME}` as const;
const create = intentCatalog.get('volume-create')!;
/** More than any step may fail before a person is asked. */
const FAILURES = 10;

describe('an outage', () => {
  it('costs no try, however long it lasts, and the intent is carried out behind it', async () => {
    const world = await EngineWorld.open({ calls: (n) => (n <= FAILURES ? 'transient' : 'served') });
    const action = await world.admit(create.kind, create.example);
    const headNow = async () => (await world.snapshot(resource)).lane?.entries[0];
    world.isAway = true;
    for (let look = 0; look < FAILURES; look += 1) await world.look(resource);
    expect(world.sources.calls).toBe(FAILURES);
    expect(await headNow()).toMatchObject({ tries: 0, parked: null, attempt: null });
    world.isAway = false;
    expect(await world.settle(resource)).toBe(true);
    expect((await world.action(action)).status).toBe('completed');
    await expectAgreement(world);
  });

  it('of a part is not even tried: nothing is called or written until its time has come', async () => {
    const world = await EngineWorld.open();
    const action = await world.admit(create.kind, create.example);
    const before = [world.writes, world.sources.calls];
    world.putOffMs = 1000;
    for (let look = 0; look < FAILURES; look += 1) await world.look(resource);
    expect([world.writes, world.sources.calls]).toEqual(before);
    world.putOffMs = 0;
    expect(await world.settle(resource)).toBe(true);
    expect((await world.action(action)).status).toBe('completed');
  });
});
