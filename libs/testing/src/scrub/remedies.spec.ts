import { EXAMPLE_VOLUME } from '@plumbline/intents';
import { PLANTS as SOURCE_PLANTS } from './plants.js';
import type { Plant } from './plants.js';
import { REGISTRY_PLANTS } from './registry-plants.js';
import { ScrubWorld } from './scrub-world.js';

const PLANTS = { ...SOURCE_PLANTS, ...REGISTRY_PLANTS };

const cases = Object.entries(PLANTS).flatMap(([remedy, plants]) =>
  plants.map((plant) => ({ remedy, ...plant })),
);

/** What stands in the sources, and of what the registry's keys say of one another, in words that can be compared. */
async function standing({ billed, registry, world: { sources } }: ScrubWorld): Promise<string> {
  const { devices, images, nodes, trash } = sources;
  const { names, owners, tombstones, vms } = registry.layout;
  const held = await registry.kv.readTrees([names, owners, tombstones, vms]);
  const seen = [images, trash, nodes, devices, billed].map((things) => [...things].sort());
  return JSON.stringify([seen, held.map((tree) => tree.map(({ key, value }) => [key, value]))]);
}

async function planted({ life, plant }: Plant): Promise<ScrubWorld> {
  const scrub = await ScrubWorld.open();
  for (const kind of life) await scrub.carryOut(kind);
  await scrub.pass();
  await plant(scrub.world.sources, scrub);
  return scrub;
}

describe('what is done about each discrepancy', () => {
  it('is planted here for every remedy of every facet, and for no other', async () => {
    const sources = (await ScrubWorld.open()).sources();
    const remedies = sources.flatMap(({ facet }) => facet.remedies.map(({ name }) => name));
    expect(Object.keys(PLANTS).sort()).toEqual(remedies.sort());
  });

  it.each(cases)('$remedy: $what, $end', async ({ remedy, end, ...rest }) => {
    const scrub = await planted({ end, ...rest });
    const before = await standing(scrub);
    await scrub.pass();
    const names = (await scrub.found()).map((one) => one.remedy.name);
    expect(names).toContain(remedy);
    await scrub.passes(2);
    const states = new Set((await scrub.found()).map(({ state }) => state));
    const report = await scrub.pass();
    if (end === 'repaired') {
      expect([...states]).toEqual(['repaired']);
      expect(await scrub.parked(EXAMPLE_VOLUME)).toBeNull();
      expect(await scrub.filedFor(EXAMPLE_VOLUME)).toBe(1);
      expect(report).toMatchObject({ confirmed: 0, filed: 0, waiting: 0, oldestAt: null });
      return;
    }
    expect(await standing(scrub)).toBe(before);
    const [one] = (await scrub.found()).filter(({ remedy: { name } }) => name === remedy);
    if (end === 'reported') {
      expect(one?.state).toBe('confirmed');
      expect(await scrub.filedFor(EXAMPLE_VOLUME)).toBe(0);
      return;
    }
    expect([one?.state, one?.parked]).toEqual(['parked', end]);
    expect(await scrub.parked(EXAMPLE_VOLUME)).toBe(end);
    expect(await scrub.filedFor(EXAMPLE_VOLUME)).toBe(1);
  });
});
