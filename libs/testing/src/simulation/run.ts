import { disagreement, isBusy, isSettled } from './agreement.js';
import { Clients } from './clients.js';
import { Invariants } from './invariants.js';
import { Nemesis } from './nemesis.js';
import type { LogLine } from './pool.js';
import { Rewind } from './rewind.js';
import { LONG_SEED, scriptOf } from './script.js';
import type { Script, SeedSize } from './script.js';
import { World } from './world.js';
import type { Mistake } from './world.js';

/** Two, and one more in every other seed: who takes over is not always who fenced. */
const cephWorkersOf = (seed: number): number => 2 + (seed % 2);

/** In one of so many seeds the registry is set back in the end, and watched all the time. */
const REWOUND_EVERY = 8;

/** A1 gives sixty seconds; whoever has not got there after so many events is stuck. */
const SETTLE_MS = 60_000;
/** On top of that for each intent that stands behind another: guests take seconds to let a disk go, one after the other. */
const BEHIND_MS = 5_000;
const BUSY_MS = 300_000;
const EVENTS_MAX = 60_000;

export interface SeedResult {
  readonly seed: number;
  readonly violation: Mistake | null;
  readonly events: number;
  readonly acknowledged: number;
  readonly faults: number;
  readonly parked: number;
  readonly reached: ReadonlyMap<string, number>;
  readonly asked: ReadonlyMap<string, number>;
  readonly log: readonly LogLine[];
}

/** One seed from its first event to the agreement of all sources, or to the first thing that was not as it must be. */
export async function runSeed(
  seed: number,
  size: SeedSize = LONG_SEED,
  script: Script = scriptOf(seed, size),
): Promise<SeedResult> {
  const world = new World(seed);
  if (seed % REWOUND_EVERY === 0) world.rewind = new Rewind(world);
  const nemesis = new Nemesis(world);
  const clients = new Clients(world, size.volumes);
  for (let at = 1; at <= cephWorkersOf(seed); at += 1) await nemesis.start('ceph', `ceph-worker-${at}`);
  await nemesis.start('qemu', 'qemu-worker');
  await nemesis.start('billing', 'billing-worker');
  for (let at = 1; at <= size.apis; at += 1) await nemesis.start('api', `api-${at}`);
  world.doorbell.sweep();
  clients.begin(script);
  nemesis.begin(script);
  const violation = await play(world, { nemesis, clients, size });
  return {
    seed,
    violation,
    events: world.pool.happened,
    acknowledged: world.acknowledged,
    faults: nemesis.inflicted,
    parked: [...world.register.lanes.values()].filter(({ entries }) => entries[0]?.parked).length,
    reached: world.faults.reached,
    asked: clients.asked,
    log: world.pool.log,
  };
}

async function play(
  world: World,
  { nemesis, clients, size }: { nemesis: Nemesis; clients: Clients; size: SeedSize },
): Promise<Mistake | null> {
  const invariants = new Invariants(world, clients.keyOf);
  const until = async (isOver: () => boolean): Promise<Mistake | null> => {
    while (!isOver() && world.pool.happened < EVENTS_MAX) {
      await world.step();
      const broken = invariants.broken();
      if (broken !== null) return broken;
    }
    return null;
  };
  const duringTrouble = await until(() => world.pool.nowMs > size.troubleMs);
  if (duringTrouble !== null) return duringTrouble;
  nemesis.heal();
  const { rewind } = world;
  if (rewind?.setBack()) return await until(() => rewind.isOver());
  const healedMs = world.pool.nowMs;
  // What is busy is no fault that has stopped: it takes all its tries, and then a person is asked.
  const awayMs = (): number => Math.max(0, world.hostBackMs - healedMs);
  let longest = 1;
  // What was sent before is admitted still: lanes may grow for a while.
  const behindMs = (): number => {
    for (const { entries } of world.register.lanes.values()) longest = Math.max(longest, entries.length);
    return BEHIND_MS * (longest - 1);
  };
  const mostMs = (): number => (isBusy(world) ? BUSY_MS : SETTLE_MS + behindMs() + awayMs());
  const afterwards = await until(() => isSettled(world) || world.pool.nowMs - healedMs > mostMs());
  return afterwards ?? (await disagreement(world));
}
