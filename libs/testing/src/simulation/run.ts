import { disagreement, isBusy, isFlooded, isSettled } from './agreement.js';
import type { PlantedCounts } from './causes.js';
import { Clients } from './clients.js';
import { Invariants } from './invariants.js';
import type { LookCounts } from './looks.js';
import { Nemesis } from './nemesis.js';
import type { LogLine } from './pool.js';
import { Rewind } from './rewind.js';
import { OPERATED_EVERY, Operator } from './operator.js';
import { isInternal } from './scrubbing.js';
import { LONG_SEED, scriptOf } from './script.js';
import type { Script, SeedSize } from './script.js';
import { World } from './world.js';
import type { Mistake } from './world.js';

/** Two, and one more in every other seed: who takes over is not always who fenced. */
const cephWorkersOf = (seed: number): number => 2 + (seed % 2);

/** One leads; the lead goes over when that one dies or falls asleep. */
const SCRUBBERS = 2;

/** In one of so many seeds the registry is set back in the end, and watched all the time. */
const REWOUND_EVERY = 8;

/** A1 gives sixty seconds; whoever has not got there after so many events is stuck. */
const SETTLE_MS = 60_000;
/**
 * On top of that for what only the scrubber puts right, when nothing else is under way any more: a pass that found somebody at
 * work there tells nothing and may be waiting for its second look; the next one, two seconds later, looks twice, ten apart.
 */
const SCRUBBED_MS = 22_000;
/** On top of that for each intent that stands behind another: guests take seconds to let a disk go, one after the other. */
const BEHIND_MS = 5_000;
const BUSY_MS = 300_000;
/** So many times as long takes each that stands behind another, where each of them fails. */
const BUSY_BEHIND = 16;
const LOOKED_EVERY_MS = 100;
const EVENTS_MAX = 60_000;

export interface SeedResult {
  readonly seed: number;
  readonly violation: Mistake | null;
  readonly events: number;
  readonly looks: LookCounts;
  readonly planted: PlantedCounts;
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
  for (let at = 1; at <= SCRUBBERS; at += 1) await nemesis.start('scrub', `scrubber-${at}`);
  for (let at = 1; at <= size.apis; at += 1) await nemesis.start('api', `api-${at}`);
  world.doorbell.sweep();
  const operator = seed % OPERATED_EVERY === 1 ? new Operator(world, size.troubleMs) : null;
  clients.begin(script);
  operator?.begin();
  nemesis.begin(script);
  const violation = await play(world, { nemesis, clients, operator, size });
  return {
    seed,
    violation,
    events: world.pool.happened,
    looks: world.scrubbing.looks.counts,
    planted: world.causes.counts(),
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
  {
    nemesis,
    clients,
    operator,
    size,
  }: { nemesis: Nemesis; clients: Clients; operator: Operator | null; size: SeedSize },
): Promise<Mistake | null> {
  const invariants = new Invariants(world, clients.keyOf, operator === null ? [] : [operator]);
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
  const isTold = !isFlooded(world);
  const healedMs = world.pool.nowMs;
  // What is busy is no fault that has stopped: it takes all its tries, and then a person is asked.
  const awayMs = (): number => Math.max(0, world.hostBackMs - healedMs);
  let longest = 1;
  // What was sent before is admitted still: lanes may grow for a while.
  const behindMs = (): number => {
    for (const { entries } of world.register.lanes.values()) longest = Math.max(longest, entries.length);
    return BEHIND_MS * (longest - 1);
  };
  let busyMs = healedMs;
  const isLate = (): boolean => {
    const { nowMs } = world.pool;
    if (isBusy(world)) {
      busyMs = nowMs;
      return nowMs - healedMs > BUSY_MS + behindMs() * BUSY_BEHIND;
    }
    // What was wrong behind such an intent is looked at when that has ended.
    const overMs = nowMs - busyMs - (SETTLE_MS + behindMs() + awayMs());
    return overMs > SCRUBBED_MS || (overMs > 0 && !isOursAlone(world));
  };
  const isQuiet = atIntervals(world, () => isSettled(world));
  const afterwards = await until(() => !isTold || isQuiet() || isLate());
  return afterwards ?? (isTold ? disagreement(world) : null);
}

/** Nothing is under way but what waits for a person, and what the scrubber wants. */
function isOursAlone(world: World): boolean {
  return [...world.register.lanes.values()].every(
    ({ entries: [head] }) => head === undefined || head.parked !== null || isInternal(world, head.kind),
  );
}

/** What costs much to be told is told from time to time. */
function atIntervals({ pool }: World, is: () => boolean): () => boolean {
  let nextMs = 0;
  return () => {
    if (pool.nowMs < nextMs) return false;
    nextMs = pool.nowMs + LOOKED_EVERY_MS;
    return is();
  };
}
