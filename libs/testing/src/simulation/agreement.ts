import { cephImage } from '@plumbline/ceph-facets';
import type { AnyFacet, Json, Lane, Snapshot, Source, VolumeId } from '@plumbline/domain';
import { suspicionsOf } from '@plumbline/engine';
import type { Suspicion } from '@plumbline/engine';
import { qemuDevice, qemuNode } from '@plumbline/qemu-facets';
import { createJournal } from '@plumbline/registry';
import type { Kv } from '@plumbline/registry';
import { HOST } from './world.js';
import type { Mistake, World } from './world.js';

/** Lanes that are still to be carried on: parked ones wait for a person. */
/** What somebody still has to do; a parked lane waits for a person. */
export function lanesToGoOn({ register }: World): readonly Lane[] {
  return [...register.lanes.values()].filter(({ entries }) => !entries[0]?.parked);
}

/** Whose process has ended, and whose key nobody has cleared away. */
function deadBoots({ processes, register }: World): readonly string[] {
  const left = processes.filter(({ state, boot }) => state === 'dead' && register.boots.has(boot));
  return left.map(({ name }) => name);
}

/** Whether somebody still asks for what is busy, and no person has been asked yet. */
export function isBusy(world: World): boolean {
  return lanesToGoOn(world).some(({ resource }) => resource === `volume/${world.busy ?? ''}`);
}

export function isSettled(world: World): boolean {
  return lanesToGoOn(world).length === 0 && deadBoots(world).length === 0 && world.register.owed.size === 0;
}

/** A1: nothing is unsettled that is not parked, and all sources say the same. */
export async function disagreement(world: World): Promise<Mistake | null> {
  const { register } = world;
  const a1 = (detail: string, about = ''): Mistake => ({ invariant: 'A1', detail, about });
  const [stuck] = lanesToGoOn(world);
  if (stuck !== undefined)
    return a1(`intent ${stuck.entries[0]?.intent} (${stuck.entries[0]?.kind}) has not ended`, stuck.resource);
  const [boot] = deadBoots(world);
  if (boot !== undefined) return a1(`the boot of ${boot} was not taken over`);
  const [owed] = register.owed.values();
  if (owed !== undefined) return a1('billing was not told of everything', owed.resource);
  for await (const item of suspicionsOf(portsOf(world), new AbortController().signal)) {
    if ('looked' in item || isReported(world, item)) continue;
    return a1(`${item.facet} is ${item.class}: ${JSON.stringify(item.seen)}`, `volume/${item.volume ?? ''}`);
  }
  return billed(world);
}

/**
 * What is reported, and left to a person: the disks that a VM lost when it was started anew, for which the record stands, and
 * what a fence made useless, which stays where it was until something is attached there again.
 */
function isReported({ ceph, machines, register }: World, { facet, class: how, volume }: Suspicion): boolean {
  if (!facet.startsWith('qemu.')) return false;
  const vm = register.records.get(`volume/${volume ?? ''}`)?.attachment?.vm;
  if (how === 'missing') return machines.some(({ id, lives }) => id === vm && lives > 1);
  const nodes = machines.flatMap((machine) => [...machine.nodes.values()]);
  return nodes.some(({ image, address }) => image.endsWith(volume ?? '') && ceph.isFenced(address));
}

/** Billing's journal says of each volume what its record says, for as long as it says so. */
function billed({ billing, register }: World): Mistake | null {
  for (const [id, versions] of register.versions) {
    const intervals = billing.intervalsOf(id as VolumeId);
    const expected: { sizeGib: number; startsAt: number; endsAt: number | null }[] = [];
    for (const { record } of versions) {
      const last = expected.at(-1);
      if (last?.sizeGib === record.sizeGib) continue;
      if (last !== undefined) last.endsAt = record.at;
      expected.push({ sizeGib: record.sizeGib, startsAt: record.at, endsAt: null });
    }
    const last = expected.at(-1);
    if (last !== undefined && !register.records.has(`volume/${id}`))
      last.endsAt = register.tombstones.get(id)?.at ?? null;
    const [is, ought] = [JSON.stringify(intervals), JSON.stringify(expected)];
    if (is !== ought)
      return {
        invariant: 'M1',
        detail: `billing has ${is}, the records say ${ought}`,
        about: `volume/${id}`,
      };
  }
  return null;
}

function portsOf(world: World) {
  const { ceph, consul, layout, machines } = world;
  const journal = createJournal({ kv: storeOf(world), layout, nonce: () => '' });
  const ids = consul.store.keys(layout.owners).map((key) => key.slice(-36) as VolumeId);
  const disks = (of: 'nodes' | 'devices') =>
    machines.flatMap((machine) =>
      [...machine[of]].map(([name, seen]) => [`${machine.id}/${name}`, seen] as const),
    );
  return {
    async *volumeIds() {
      yield* ids;
    },
    read: (resource: Snapshot['resource']) => journal.read(resource),
    sources: [
      sourceOf(cephImage, [...ceph.images]),
      sourceOf(qemuNode, disks('nodes')),
      sourceOf(qemuDevice, disks('devices')),
    ],
    unknown: (_facet: string, error: unknown) => {
      throw error;
    },
  };
}

function sourceOf(facet: AnyFacet, things: readonly (readonly [string, object])[]): Source {
  const host = facet.source === 'qemu' ? { host: HOST } : {};
  const order = (key: string): string => `${facet.volumeOf(key) ?? '~'} ${key}`;
  const sorted = [...things].sort(([one], [other]) => (order(one) < order(other) ? -1 : 1));
  return {
    facet,
    observe: () => Promise.reject(new TypeError('only listed')),
    async *list() {
      for (const [key, seen] of sorted) yield { key, ...host, seen: seen as Json };
    },
  };
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
