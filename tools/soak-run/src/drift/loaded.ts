import type { VmName } from '@plumbline/testing';
import { few } from './drift-world.js';
import type { DriftWorld } from './drift-world.js';

/** As many as the bench has: more would only wait. */
const CLIENTS = 32;
/** Of these; each VM has room for as many disks, and for those of the others. */
const WITH_DISKS = 8;
const PASSES = 4;
const LIVES_LEAST = 100;
const SIZE = { made: 1, grown: 2 };

/**
 * Whole passes at full pace while customers make, grow, attach, detach and delete as fast as they are answered: nothing is
 * taken for wrong, and nothing is repaired.
 */
export async function loaded(world: DriftWorld): Promise<string> {
  const { desk } = world;
  const [began, filed] = [(await desk.scrub()).now, await world.filedInAll()];
  let isOver = false;
  let lives = 0;
  const client = async (_: unknown, nth: number) => {
    while (!isOver) {
      const vm = nth < WITH_DISKS ? (nth % 2 === 0 ? 'VM' : 'VM_2') : null;
      await live(world, `loaded-${nth}-${lives}`, vm);
      lives += 1;
    }
  };
  const clients = Promise.all(Array.from({ length: CLIENTS }, client));
  const passes = async () => {
    for (let passed = 0; passed < PASSES || lives < LIVES_LEAST; passed += 1) await world.pass();
  };
  await Promise.race([passes(), clients]).finally(() => (isOver = true));
  await clients;
  const since = (await world.filedInAll()) - filed;
  if (since > 0) throw new Error(`${since} repairs were recorded, and nothing was wrong`);
  const taken = (await desk.discrepancies()).filter(({ history }) =>
    history.some(({ at, state }) => at >= began && state === 'confirmed'),
  );
  if (taken.length > 0)
    throw new Error(
      `taken for wrong: ${few(taken.map(({ key, remedy, seen }) => `${remedy.name} ${key} ${JSON.stringify(seen)}`))}`,
    );
  await world.allAgrees();
  return `${lives} volumes lived beside ${PASSES} passes, and nothing was taken for wrong`;
}

/** Each request once the one before it has ended, as customers do. */
async function live(world: DriftWorld, name: string, vm: VmName | null): Promise<void> {
  const { system } = world;
  const volume = await system.create(name, SIZE.made);
  if (vm !== null) await world.attach([volume], vm);
  const region = system.variable('PLUMBLINE_REGION');
  await system.begin(volume, { type: 'resize', size_gigabytes: SIZE.grown, region });
  const isGrown = async () => (await system.volume(volume)).size_gigabytes === SIZE.grown;
  await world.until(isGrown, `${volume} to be grown`);
  if (vm !== null) await world.detach([volume]);
  await world.remove([volume]);
}
