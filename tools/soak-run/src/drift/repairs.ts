import type { DriftWorld } from './drift-world.js';

const IN_VM = 15;
const IN_HAND = 8;
/** A repair that does not help is tried so often, and not once more. */
const TRIES = 3;
const CARRIED_ON_MS = 3 * 60_000;

/** A VM dies with as many disks as it can have, and is started again: it gets all of them back, and no brake is on. */
export async function vmRestarted(world: DriftWorld): Promise<string> {
  const { hand, system } = world;
  const volumes = world.take(IN_VM);
  await world.attach(volumes, 'VM_2');
  await system.stack.kill('vm-2');
  await system.stack.start('vm-2');
  const beganMs = performance.now();
  const drives = async () => new Set(await hand.drivesOf('VM_2'));
  const areBack = async () => {
    const there = await drives();
    return volumes.every((volume) => there.has(hand.nodeOf(volume)));
  };
  await world.until(areBack, 'all disks to be attached again');
  const seconds = Math.round((performance.now() - beganMs) / 1_000);
  const { brakes } = await world.desk.scrub();
  if (brakes.length > 0) throw new Error(`a brake is on: ${JSON.stringify(brakes)}`);
  await filedOnce(world, volumes);
  await world.allAgrees();
  await world.detach(volumes);
  return `${volumes.length} disks back ${seconds} s after its start`;
}

/** The scrubber that leads is killed while its repairs are under way: another tells of their end, and files none anew. */
export async function leaderKilled(world: DriftWorld): Promise<string> {
  const { desk, system } = world;
  await desk.throttle('ceph', true);
  const volumes = await trashed(world);
  const areUnderWay = async () => (await desk.discrepancies('&state=repairing')).length === volumes.length;
  await world.until(areUnderWay, 'the repairs to be recorded');
  const leader = await world.leader();
  await system.stack.kill(leader);
  await desk.throttle('ceph', false);
  await carriedOn(world, volumes, leader);
  await system.stack.restore();
  await world.allAgrees();
  await filedOnce(world, volumes);
  world.giveBack(volumes);
  return `${leader} killed under ${volumes.length} repairs, each recorded once`;
}

/** It is stopped in the middle of recording, loses the lead, and wakes: what it still wanted to record is refused. */
export async function leaderPaused(world: DriftWorld): Promise<string> {
  const { system } = world;
  const before = await world.filedInAll();
  const volumes = await trashed(world);
  const hasBegun = async () => (await world.filedInAll()) > before;
  await world.until(hasBegun, 'the first repair');
  const leader = await world.leader();
  system.stack.pause(leader);
  const begun = (await world.filedInAll()) - before;
  await carriedOn(world, volumes, leader);
  system.stack.resume(leader);
  const isOver = async () => !system.stack.isAlive(leader);
  await world.until(isOver, `${leader} to end itself, which was fenced`);
  await system.stack.restore();
  await world.allAgrees();
  await filedOnce(world, volumes);
  world.giveBack(volumes);
  return `${leader} paused after ${begun} of ${volumes.length} repairs, each recorded once`;
}

/** A disk whose drive cannot grow: its repair is tried three times, then a person is to come; there is no fourth. */
export async function repairFails(world: DriftWorld): Promise<string> {
  const { desk, hand } = world;
  const [volume = ''] = world.take(1);
  await world.attach([volume], 'VM');
  await hand.unplug('VM', volume);
  await hand.closeNode('VM', volume);
  await hand.openNode('VM', volume, hand.nameOf(volume), { size: 1024 ** 3 / 2 });
  await hand.addDevice('VM', volume);
  const isParked = async () => (await desk.discrepancies(`&state=parked&volume=${volume}`)).length > 0;
  await world.until(isParked, 'the repair to be given up');
  for (let pass = 0; pass < 2; pass += 1) await world.pass();
  const [parked] = await desk.discrepancies(`&state=parked&volume=${volume}`);
  const filed = await world.filedFor(volume);
  if (parked === undefined || filed !== TRIES || parked.remedy.name !== 'node-small')
    throw new Error(`${filed} repairs were recorded: ${JSON.stringify(parked)}`);
  await hand.unplug('VM', volume);
  await hand.closeNode('VM', volume);
  await world.pass();
  for (const one of await desk.discrepancies(`&state=parked&volume=${volume}`)) await desk.reopen(one);
  await world.allAgrees();
  await world.detach([volume]);
  return `tried ${filed} times, then parked: ${parked.parked}`;
}

async function trashed(world: DriftWorld): Promise<readonly string[]> {
  const volumes = world.take(IN_HAND);
  await world.byMany(volumes, (volume) => world.hand.rbd('trash', 'mv', world.hand.imageOf(volume)));
  return volumes;
}

async function carriedOn(world: DriftWorld, volumes: readonly string[], leader: string): Promise<void> {
  const areBack = async () => {
    const lines = new Set(await world.desk.lines());
    const isBack = (volume: string) => lines.has(`repaired ceph.image different image-trashed ${volume}`);
    return volumes.every(isBack) && (await world.leader()) !== leader;
  };
  await world.until(areBack, `another than ${leader} to lead, and all images to be back`, CARRIED_ON_MS);
}

async function filedOnce(world: DriftWorld, volumes: readonly string[]): Promise<void> {
  const filed = await world.byMany(volumes, (volume) => world.filedFor(volume));
  if (filed.some((count) => count !== 1)) throw new Error(`repairs recorded for each: ${filed.join(', ')}`);
}
