import type { Lane, OwedFact, Snapshot, VolumeId, VolumeRecord } from '@plumbline/domain';
import { suspicionsOf } from '@plumbline/engine';
import { createJournal } from '@plumbline/registry';
import type { Kv } from '@plumbline/registry';
import { Clients } from './clients.js';
import { Doorbell } from './doorbell.js';
import type { Sight } from './faults.js';
import { Invariants } from './invariants.js';
import type { Violation } from './invariants.js';
import { Nemesis } from './nemesis.js';
import type { LogLine } from './pool.js';
import { World } from './world.js';

/** How much happens in a seed. */
export interface SeedSize {
  readonly cephWorkers: number;
  readonly apis: number;
  readonly volumes: number;
  readonly requests: number;
  readonly faults: number;
  readonly faultsMs: number;
}

/** Beside the ceph-workers there is one worker of the host's VMs; many requests are refused, so more are made. */
const LONG_SEED: SeedSize = {
  cephWorkers: 2,
  apis: 2,
  volumes: 6,
  requests: 80,
  faults: 14,
  faultsMs: 25_000,
};

/** A1 gives sixty seconds; whoever has not got there after so many events is stuck. */
const SETTLE_MS = 60_000;
const EVENTS_MAX = 40_000;

export interface SeedResult {
  readonly seed: number;
  readonly violation: Violation | null;
  readonly events: number;
  readonly acknowledged: number;
  readonly faults: number;
  readonly parked: number;
  readonly reached: ReadonlyMap<Sight, number>;
  readonly kinds: ReadonlyMap<string, number>;
  readonly log: readonly LogLine[];
}

/** One seed from its first event to the agreement of all sources, or to the first thing that was not as it must be. */
export async function runSeed(seed: number, size: SeedSize = LONG_SEED): Promise<SeedResult> {
  const world = new World(seed);
  const bell = new Doorbell(world);
  const nemesis = new Nemesis(world, bell);
  const clients = new Clients(world, size.volumes);
  for (let at = 1; at <= size.cephWorkers; at += 1) await nemesis.start('ceph', `ceph-worker-${at}`);
  await nemesis.start('qemu', 'qemu-worker');
  for (let at = 1; at <= size.apis; at += 1) await nemesis.start('api', `api-${at}`);
  bell.sweep();
  clients.begin(size.requests, size.faultsMs);
  nemesis.begin(size.faults, size.faultsMs);
  const violation = await play(world, nemesis, size);
  const lanes = world.values<Lane>(world.layout.lanes).map(({ value }) => value);
  for (const { account, action } of world.acknowledged)
    if (world.consul.store.get(world.layout.action(account, action))?.value.includes('"status":"errored"'))
      world.faults.see('intent-undone');
  return {
    seed,
    violation,
    events: world.pool.happened,
    acknowledged: world.acknowledged.length,
    faults: nemesis.inflicted,
    parked: lanes.filter(({ entries }) => entries[0]?.parked).length,
    reached: world.faults.reached,
    kinds: clients.asked,
    log: world.pool.log,
  };
}

async function play(world: World, nemesis: Nemesis, size: SeedSize): Promise<Violation | null> {
  const invariants = new Invariants(world);
  const until = async (isOver: () => boolean): Promise<Violation | null> => {
    while (!isOver() && world.pool.happened < EVENTS_MAX) {
      await world.step();
      const broken = invariants.broken();
      if (broken !== null) return broken;
    }
    return null;
  };
  const duringFaults = await until(() => world.pool.nowMs > size.faultsMs);
  if (duringFaults !== null) return duringFaults;
  nemesis.heal();
  const healedMs = world.pool.nowMs;
  const afterwards = await until(() => isSettled(world) || world.pool.nowMs - healedMs > SETTLE_MS);
  return afterwards ?? (await disagreement(world));
}

function lanesToGoOn(world: World): readonly Lane[] {
  const lanes = world.values<Lane>(world.layout.lanes).map(({ value }) => value);
  return lanes.filter(({ entries }) => !entries[0]?.parked);
}

function isSettled(world: World): boolean {
  return lanesToGoOn(world).length === 0 && deadBoots(world).length === 0;
}

/** Whose process has ended, and whose key nobody has cleared away. */
function deadBoots(world: World): readonly string[] {
  const dead = world.processes.filter(({ state }) => state === 'dead');
  return dead
    .filter(({ boot }) => world.consul.store.get(world.layout.boot(boot)) !== null)
    .map(({ name }) => name);
}

/** A1: nothing is unsettled that is not parked, and all sources say the same. */
async function disagreement(world: World): Promise<Violation | null> {
  const a1 = (detail: string, about = ''): Violation => ({ invariant: 'A1', detail, about });
  const [stuck] = lanesToGoOn(world);
  if (stuck !== undefined)
    return a1(`intent ${stuck.entries[0]?.intent} (${stuck.entries[0]?.kind}) has not ended`, stuck.resource);
  const [boot] = deadBoots(world);
  if (boot !== undefined) return a1(`the boot of ${boot} was not taken over`);
  const journal = createJournal({ kv: storeOf(world), layout: world.layout, nonce: () => '' });
  const ids = world.consul.store.keys(world.layout.owners).map((key) => key.slice(-36) as VolumeId);
  const ports = {
    async *volumeIds() {
      yield* ids;
    },
    read: (resource: Snapshot['resource']) => journal.read(resource),
    sources: [...world.sources.backendsOf('ceph').values(), ...world.sources.backendsOf('qemu').values()],
    unknown: (_facet: string, error: unknown) => {
      throw error;
    },
  };
  for await (const item of suspicionsOf(ports, new AbortController().signal))
    if (!('looked' in item))
      return a1(
        `${item.facet} is ${item.class}: ${JSON.stringify(item.seen)}`,
        `volume/${item.volume ?? ''}`,
      );
  for (const id of ids) {
    const { record } = await journal.read(`volume/${id}`);
    const owed = lastOwed(world, id);
    if (owed !== undefined && sizeOwed(owed) !== (record?.sizeGib ?? null))
      return a1(`billing is owed ${JSON.stringify(owed.want)}`, `volume/${id}`);
    if (owed === undefined && record !== null) return a1('billing is owed nothing', `volume/${id}`);
  }
  return null;
}

function lastOwed(world: World, id: VolumeId): OwedFact | undefined {
  const facts = world.values<OwedFact>(world.layout.owedOf('billing', `volume/${id}`));
  return facts.map(({ value }) => value).sort((one, other) => other.rev - one.rev)[0];
}

function sizeOwed({ want }: OwedFact): VolumeRecord['sizeGib'] | null {
  return (want as { sizeGib: number } | null)?.sizeGib ?? null;
}

/** The store as it is, past all processes. */
function storeOf({ consul: { store } }: World): Kv {
  return {
    transact: () => Promise.reject(new TypeError('only looked at')),
    read: (keys) => Promise.resolve(keys.map((key) => store.get(key))),
    readTrees: (prefixes) => Promise.resolve(prefixes.map((prefix) => store.tree(prefix))),
    keys: (prefix) => Promise.resolve(store.keys(prefix)),
  };
}
