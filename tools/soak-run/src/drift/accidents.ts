import { few, SCRUBBERS } from './drift-world.js';
import type { DriftWorld } from './drift-world.js';

/** Of the population. */
const REMOVED_SHARE = 0.03;
/** More than the brake allows in a small system. */
const REMOVED_LEAST = 12;
const GONE_SHARE = 0.3;
/** `rbd` is a process each time, and the machine's cores are few. */
const COMMANDS_AT_ONCE = 6;
const IMAGE = 'ceph.image';

/** More images are removed than anybody removes by mistake: nothing is repaired, and a person is called once. */
export async function imagesRemoved(world: DriftWorld): Promise<string> {
  const count = Math.max(REMOVED_LEAST, Math.ceil(world.untouched * REMOVED_SHARE));
  const volumes = world.take(count);
  const { hand } = world;
  const remove = (volume: string) => hand.rbd('rm', '--no-progress', hand.imageOf(volume));
  await world.whileNobodyLooks(() => world.byMany(volumes, remove, COMMANDS_AT_ONCE));
  await braked(world, { volumes, sort: 'missing' });
  // The bytes are gone for good: their customers are told, and delete them.
  await world.remove(volumes);
  await released(world);
  return `${count} images removed, no repair`;
}

/** A third of the images is gone at once, and comes back: nothing is repaired, and nothing was done in between. */
export async function imagesGone(world: DriftWorld): Promise<string> {
  const volumes = world.take(Math.ceil(world.untouched * GONE_SHARE));
  const { hand } = world;
  const away = (volume: string) => `${hand.pool}/away-${volume}`;
  const move = (from: (volume: string) => string, to: (volume: string) => string) =>
    world.byMany(volumes, (volume) => hand.rbd('mv', from(volume), to(volume)), COMMANDS_AT_ONCE);
  const image = (volume: string) => hand.imageOf(volume);
  await world.whileNobodyLooks(() => move(image, away));
  // By their internal ids they are found, each under its other name: one of them would be given its own again.
  await braked(world, { volumes, sort: 'different' });
  await move(away, image);
  await released(world);
  world.giveBack(volumes);
  return `${volumes.length} images gone and back, no repair`;
}

/** The brake is on, all of it is told of, one alert says so, and two more passes do not repair anything either. */
async function braked(
  world: DriftWorld,
  { sort, volumes }: { volumes: readonly string[]; sort: string },
): Promise<void> {
  const filed = await world.filedInAll();
  await world.pass();
  await world.pass();
  const { brakes } = await world.desk.scrub();
  const on = brakes.map(({ facet, why }) => `${why} on ${facet}`).join(', ');
  if (on !== `share on ${IMAGE}`) throw new Error(`the brakes that are on: ${on || 'none'}`);
  const listed = await world.desk.discrepancies(`&facet=${IMAGE}&class=${sort}&state=confirmed`);
  const known = new Set<string | null>(listed.map(({ volume }) => volume));
  const unknown = volumes.filter((volume) => !known.has(volume));
  if (unknown.length > 0) throw new Error(`not told of: ${few(unknown)}`);
  const alerts = await alertsOf(world);
  if (alerts.length !== 1) throw new Error(`alerts of brakes: ${alerts.join(', ') || 'none'}`);
  await world.pass();
  const since = (await world.filedInAll()) - filed;
  if (since > 0) throw new Error(`${since} repairs were recorded behind the brake`);
}

/** `PlumblineBrakeOn` is one alert for each facet and reason of which a scrubber shows 1. */
async function alertsOf({ system }: DriftWorld): Promise<readonly string[]> {
  const all = await Promise.all(SCRUBBERS.map((name) => system.metrics(name)));
  const on = all.flatMap((text) =>
    text.split('\n').filter((line) => line.startsWith('plumbline_scrub_brake{') && line.endsWith(' 1')),
  );
  const label = (line: string, name: string) => new RegExp(`${name}="([^"]*)"`).exec(line)?.[1] ?? '';
  return [...new Set(on.map((line) => `${label(line, 'facet')} ${label(line, 'why')}`))];
}

/** An operator lets go of all brakes when their cause is gone. */
export async function released(world: DriftWorld): Promise<void> {
  await world.pass();
  for (const { facet } of (await world.desk.scrub()).brakes) await world.desk.release(facet);
  await world.allAgrees();
}
