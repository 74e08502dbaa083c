import { released } from './accidents.js';
import { few } from './drift-world.js';
import type { DriftWorld } from './drift-world.js';

const FORGOTTEN = 10;
const UNDONE = 5;
const SNAPSHOT_MS = 60_000;
const TICKS = 2;
const WITNESSES = ['ceph', 'billing'];

/** Consul is restored from a backup: all halts until an operator confirms, and no image is removed then either. */
export async function registryRewound(world: DriftWorld): Promise<string> {
  const { desk, hand, system } = world;
  const images = async () => (await system.images()).map(({ name }) => name).sort();
  const snapshot = await consul(world, 'GET');
  const forgotten = await world.createMany(FORGOTTEN);
  const undone = world.take(UNDONE);
  await world.remove(undone);
  const areInTrash = async () => (await Promise.all(undone.map((one) => hand.isInTrash(one)))).every(Boolean);
  await world.until(areInTrash, 'the deleted images to be in the trash');
  await ticked(world, TICKS);
  const before = await images();
  const filed = await world.filedInAll();
  await consul(world, 'PUT', snapshot);
  const isHalted = async () => {
    const { halted, witnesses = {} } = await desk.halt();
    return halted && WITNESSES.every((name) => name in witnesses);
  };
  await world.until(isHalted, 'the halt');
  const refused = await system.ask('POST', '/v2/volumes', { body: system.wish('refused') });
  if (refused.status !== 503) throw new Error(`a create was answered ${refused.status} during the halt`);
  unchanged('during the halt', before, await images());
  await desk.endHalt();
  await system.stack.restore(); // Whoever had no boot in the backup has ended itself.
  await world.pass();
  await world.pass();
  unchanged('after the word', before, await images());
  const brakes = (await desk.scrub()).brakes.filter(({ why }) => why === 'rewound').length;
  const since = (await world.filedInAll()) - filed;
  if (brakes === 0 || since > 0)
    throw new Error(`${brakes} brakes are on, and ${since} repairs were recorded after the restore`);
  await lookedAfter(world, { forgotten, undone });
  return `${forgotten.length} forgotten and ${undone.length} deleted volumes, ${brakes} brakes, no image touched`;
}

/** As the page for it says: what nobody remembers is a person's to remove, and what was deleted is deleted again. */
async function lookedAfter(
  world: DriftWorld,
  { forgotten, undone }: { forgotten: readonly string[]; undone: readonly string[] },
): Promise<void> {
  const { hand } = world;
  for (const volume of forgotten) {
    await hand.rbd('rm', '--no-progress', hand.imageOf(volume));
    await hand.sql(`DELETE FROM subscriptions WHERE volume_id = '${volume}'`);
  }
  await world.remove(undone);
  await released(world);
}

function unchanged(when: string, before: readonly string[], after: readonly string[]): void {
  const gone = before.filter((name) => !after.includes(name));
  const come = after.filter((name) => !before.includes(name));
  if (gone.length + come.length > 0)
    throw new Error(`${when} images went: ${few(gone)}, and came: ${few(come)}`);
}

/** So that the witnesses remember a later registry than the backup is. */
async function ticked(world: DriftWorld, times: number): Promise<void> {
  const tick = async () => {
    const { registryTick } = await world.desk.halt();
    return registryTick ?? 0;
  };
  const before = await tick();
  await world.until(async () => (await tick()) >= before + times, 'the registry to tick');
}

async function consul({ system }: DriftWorld, method: 'GET' | 'PUT', body?: Uint8Array): Promise<Uint8Array> {
  const answer = await fetch(`${system.variable('CONSUL_HTTP_ADDR')}/v1/snapshot`, {
    method,
    signal: AbortSignal.timeout(SNAPSHOT_MS),
    ...(body === undefined ? {} : { body: new Uint8Array(body) }),
  });
  if (!answer.ok) throw new Error(`Consul answered ${answer.status}: ${await answer.text()}`);
  return new Uint8Array(await answer.arrayBuffer());
}
