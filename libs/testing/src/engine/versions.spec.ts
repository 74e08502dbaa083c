import { EXAMPLE_VOLUME, intentCatalog } from '@plumbline/intents';
import { EngineWorld } from './engine-world.js';

const resource = `volume/${EXAMPLE_VOLUME}` as const;
const exampleOf = (kind: string) => intentCatalog.get(kind)?.example ?? null;
/** As an operator's confirmation sets it. */
const FLOOR = 7_000_000;

async function carriedOut(world: EngineWorld, kind: string, params = exampleOf(kind)) {
  const action = await world.admit(kind, params);
  expect(await world.settle(resource)).toBe(true);
  return world.action(action);
}

describe('after the registry was set back', () => {
  it('gives no record a version that another may have had, and counts on from there', async () => {
    const world = await EngineWorld.open();
    expect((await carriedOut(world, 'volume-create')).revAfter).toBe(1);
    world.revFloor = FLOOR;
    const resize = exampleOf('volume-resize') as { sizeGib: number };
    expect((await carriedOut(world, 'volume-resize')).revAfter).toBe(FLOOR);
    expect((await world.snapshot(resource)).record?.rev).toBe(FLOOR);
    const more = { ...resize, sizeGib: resize.sizeGib + 1 };
    expect((await carriedOut(world, 'volume-resize', more)).revAfter).toBe(FLOOR + 1);
    expect((await carriedOut(world, 'volume-delete')).revAfter).toBe(FLOOR + 2);
    expect((await world.snapshot(resource)).tombstone?.rev).toBe(FLOOR + 2);
    const owed = await world.keys((layout) => layout.owedTo('billing'));
    const facts = await Promise.all(owed.map((key) => world.json<{ rev: number }>(() => key)));
    expect(facts.map((fact) => fact?.rev).sort()).toEqual([1, FLOOR, FLOOR + 1, FLOOR + 2]);
  });
});
