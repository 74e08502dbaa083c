import { randomUUID } from 'node:crypto';
import { linesExpected, VM_NAMES } from '@plumbline/testing';
import type { Drift } from '@plumbline/testing';
import { choose } from './choice.js';
import { few } from './drift-world.js';
import type { DriftWorld } from './drift-world.js';

const COUNT = 50;
const SORT_MAX = 8;
/** Half of what each VM has room for: the other half is for what is plugged in by hand. */
const ATTACHED_MAX = 14;
/** As the brakes have it: 2 %, at least ten, and one below that. */
const SHARE = 0.02;
const LEAST = 10;
const ROOM = 1;
/** Until everything is where its remedy wants it: what fails is tried three times, a pass each. */
const ENDS_MS = 5 * 60_000;

interface Planted {
  readonly drift: Drift;
  readonly volume: string;
}

/** As many things as are drift, and no accident, made wrong at random: each is found, told apart, and put right. */
export async function plantedAtRandom(world: DriftWorld): Promise<string> {
  const facetMax = Math.max(LEAST, Math.floor(world.untouched * SHARE)) - ROOM;
  const drifts = choose(world.chance, {
    ...{ count: COUNT, sortMax: SORT_MAX, facetMax },
    attachedMax: ATTACHED_MAX,
  });
  const planted = await lived(world, drifts);
  for (const { drift, volume } of planted)
    await drift.plant(world.hand, volume).catch((cause: unknown) => {
      throw new Error(`cannot plant ${drift.name} with ${volume}`, { cause });
    });
  await world.pass();
  const expected = planted.flatMap(({ drift, volume }) => linesExpected(drift, volume));
  await foundInOnePass(world, expected);
  await cameToTheirEnds(world, expected);
  await mend(world, planted);
  await world.allAgrees();
  const attached = planted.filter(({ drift }) => drift.life === 'attached');
  await world.detach(attached.map(({ volume }) => volume));
  const filed = await world.byMany(planted, ({ volume }) => world.filedFor(volume));
  const most = Math.max(...filed);
  if (most > 1) throw new Error(`${most} repairs were recorded for one volume`);
  return `${planted.length} drifts of ${new Set(drifts).size} kinds, ${expected.length} discrepancies`;
}

async function lived(world: DriftWorld, drifts: readonly Drift[]): Promise<readonly Planted[]> {
  const planted = drifts.map((drift): Planted => {
    const volume = drift.life === 'none' ? randomUUID() : (world.take(1)[0] ?? '');
    return { drift, volume };
  });
  const of = (life: Drift['life']) =>
    planted.filter(({ drift }) => drift.life === life).map(({ volume }) => volume);
  const attached = of('attached');
  for (const [at, vm] of VM_NAMES.entries())
    await world.attach(
      attached.filter((_, nth) => nth % VM_NAMES.length === at),
      vm,
    );
  await world.remove(of('deleted'));
  return planted;
}

/** Every one, in the facet, class and remedy that is its own; nothing else is found of these volumes. */
async function foundInOnePass(world: DriftWorld, expected: readonly string[]): Promise<void> {
  const found = (await world.desk.discrepancies()).filter(({ state }) => state !== 'seen-once');
  const sorts = new Set(found.map((one) => `${one.facet} ${one.class} ${one.remedy.name}`));
  const lines = new Set((await world.desk.lines()).map(withoutEnd));
  const unfound = expected.map(withoutEnd).filter((line) => !lines.has(line));
  if (unfound.length > 0)
    throw new Error(`not found within one pass: ${few(unfound)}; found are ${[...sorts].join(', ')}`);
}

async function cameToTheirEnds(world: DriftWorld, expected: readonly string[]): Promise<void> {
  const missing = async () => {
    const lines = new Set(await world.desk.lines());
    return expected.filter((line) => !lines.has(line));
  };
  await world
    .until(async () => (await missing()).length === 0, 'all ends', ENDS_MS)
    .catch(async (cause: unknown) => {
      const not = await missing();
      const volumes = not.map((line) => line.split(' ').at(-1) ?? '');
      const but = (await world.desk.lines()).filter((line) => volumes.some((one) => line.endsWith(one)));
      throw new Error(`not so: ${few(not)}; but ${few(but)}`, { cause });
    });
  const other = (await world.desk.lines()).filter((line) => !expected.includes(line));
  if (other.length > 0) throw new Error(`found besides: ${few(other)}`);
}

/** What a person does then: sets right what can be, gives up the intents that wait for her, and deletes what is lost. */
async function mend(world: DriftWorld, planted: readonly Planted[]): Promise<void> {
  for (const { drift, volume } of planted) await drift.mend?.(world.hand, volume);
  const parked = (await world.desk.discrepancies('&state=parked')).filter(({ intent }) => intent !== null);
  for (const { intent } of parked) await world.desk.undo(intent ?? '');
  const isLost = ({ drift }: Planted) => drift.expected.some(({ end }) => end.startsWith('parked:'));
  await world.remove(planted.filter(isLost).map(({ volume }) => volume));
}

function withoutEnd(line: string): string {
  return line.slice(line.indexOf(' ') + 1);
}
