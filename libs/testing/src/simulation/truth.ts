import { billingSubscription } from '@plumbline/billing-facets';
import { cephImage, imageKeyOf } from '@plumbline/ceph-facets';
import { TransientError, heldNameKey, heldSlotKey } from '@plumbline/domain';
import type {
  AccountId,
  AnyFacet,
  Json,
  Place,
  RegionSlug,
  ResourceName,
  Snapshot,
  VolumeId,
} from '@plumbline/domain';
import { judge } from '@plumbline/engine';
import type { Suspicion } from '@plumbline/engine';
import { qemuDevice, qemuNode } from '@plumbline/qemu-facets';
import { registryName, registrySlot } from '@plumbline/registry-facets';
import type { SimulatedProcess } from './process.js';
import { HOST } from './where.js';
import type { World } from './world.js';

export type Thing = Place & { readonly seen: Json };

const LISTED_MS = 10_000;

/** What the scrubber compares with the registry. */
export const SCRUBBED: readonly AnyFacet[] = [
  cephImage,
  billingSubscription,
  qemuNode,
  qemuDevice,
  registryName,
  registrySlot,
];

/** All there is of a facet, as it is, in no order. */
function thingsOf(world: World, facet: AnyFacet): readonly Thing[] {
  const { billing, ceph, machines, register } = world;
  switch (facet.name) {
    case cephImage.name: {
      const keys = new Set([...ceph.images.keys(), ...ceph.trash.keys()]);
      return [...keys].map((key) => ({ key, seen: ceph.seen(key) }));
    }
    case billingSubscription.name:
      return [...register.owners.keys()].flatMap((id) => {
        const seen = billing.subscriptionOf(id as VolumeId);
        return seen === null ? [] : [{ key: id, seen }];
      });
    case registryName.name:
      return heldNames(world);
    case registrySlot.name:
      return [...register.vms.values()].flatMap(({ id: vm, slots }) =>
        Object.entries(slots).map(([id, slot]) => ({ key: heldSlotKey(vm, id), seen: { slot } })),
      );
    default:
      return machines.flatMap(({ id, nodes, devices }) => inVm(id, facet, { nodes, devices }));
  }
}

/** A name that its volume's record does not tell is known by its hash alone. */
function heldNames({ layout, register }: World): readonly Thing[] {
  return [...register.names].map(([key, id]) => {
    const record = register.records.get(`volume/${id}`);
    const isOwn = record !== undefined && layout.name({ ...record, kind: 'volume' }) === key;
    const [account, region, , hash] = key.slice(layout.names.length).split('/');
    // Parts of a key that was made of these.
    const by = { account: account as AccountId, region: region as RegionSlug };
    const name = isOwn ? record.name : `=${hash}`;
    return { key: heldNameKey(id, { ...by, name }), seen: { volume: id, own: true, named: isOwn } };
  });
}

function inVm(
  vm: number,
  { name }: AnyFacet,
  { devices, nodes }: Pick<World['machines'][number], 'devices' | 'nodes'>,
): readonly Thing[] {
  const of: ReadonlyMap<string, Json> =
    name === qemuNode.name
      ? new Map([...nodes].map(([key, { image, pool, sizeBytes }]) => [key, { pool, image, sizeBytes }]))
      : new Map([...devices].map(([key, { node, state }]) => [key, { node, state }]));
  return [...of].map(([key, seen]) => ({ key: `${vm}/${key}`, host: HOST, seen }));
}

/** By their volumes, as all listings are sorted; strangers' things come last. */
function inOrder(things: readonly Thing[], facet: AnyFacet): readonly Thing[] {
  const ordered = things.map((thing) => ({ thing, at: `${facet.volumeOf(thing.key) ?? '~'} ${thing.key}` }));
  return ordered.sort((one, other) => (one.at < other.at ? -1 : 1)).map(({ thing }) => thing);
}

/** All there is of a facet, by the volume that it is of. */
function byVolume(world: World, facet: AnyFacet): ReadonlyMap<string | null, readonly Thing[]> {
  const grouped = new Map<string | null, Thing[]>();
  for (const thing of thingsOf(world, facet)) {
    const volume = facet.volumeOf(thing.key);
    const of = grouped.get(volume);
    if (of === undefined) grouped.set(volume, [thing]);
    else of.push(thing);
  }
  return grouped;
}

/** A listing is read at once and given out while others go on: it is older than whatever is read beside it. */
export async function* listed(
  world: World,
  process: SimulatedProcess,
  facet: AnyFacet,
): AsyncGenerator<Thing> {
  const { ceph, machines, pool, refusing } = world;
  const isCeph = facet.source === 'ceph';
  await process.waitFor(process.latencyMs(), `lists ${facet.name}`);
  const untilMs = pool.nowMs + LISTED_MS;
  while (isCeph && ceph.silent !== null && pool.nowMs < untilMs)
    await process.waitFor(LISTED_MS / 4, `lists ${facet.name}`);
  const isAway = isCeph
    ? ceph.silent !== null || refusing.has('ceph')
    : facet.source === 'qemu' && machines.some(({ id, isRunning }) => !isRunning || refusing.has(id));
  if (isAway || (facet.source === 'billing' && world.billing.manners.down))
    throw new TransientError(`could not list ${facet.name}`, { reason: 'source-away' });
  yield* inOrder(thingsOf(world, facet), facet);
}

/** What stands of a volume, past all processes. */
function standingOf({ layout, consul, register }: World, id: VolumeId): Snapshot {
  const resource: ResourceName = `volume/${id}`;
  const indexOf = (key: string): number => consul.store.get(key)?.index ?? 0;
  const account = register.owners.get(id);
  return {
    resource,
    record: register.records.get(resource) ?? null,
    recordIndex: account === undefined ? 0 : indexOf(layout.volume(account, id)),
    lane: register.lanes.get(resource) ?? null,
    laneIndex: 0,
    tombstone: register.tombstones.get(id) ?? null,
    tombstoneIndex: indexOf(layout.tombstone(id)),
  };
}

/** What differs of one volume, by what there is; nothing, as long as somebody works on it or billing is still to learn of it. */
export function wrongOf(
  world: World,
  id: VolumeId,
  facets: readonly AnyFacet[] = SCRUBBED,
  things = new Map(facets.map((facet) => [facet, byVolume(world, facet)])),
): readonly Suspicion[] {
  const snapshot = standingOf(world, id);
  const isOwed = [...world.register.owed.values()].some(({ resource }) => resource === snapshot.resource);
  return facets.flatMap((facet) => {
    if (isOwed && facet.source === 'billing') return [];
    const named = things.get(facet)?.get(id) ?? [];
    const image = named.length === 0 && facet === cephImage ? elsewhere(world, snapshot) : [];
    const name = facet === registryName ? ofAnother(world, snapshot) : [];
    return [...judge(facet, id, snapshot, [...named, ...image, ...name])];
  });
}

/** What its name does not lead to, and its internal id does. */
function elsewhere({ ceph }: World, { record }: Snapshot): readonly Thing[] {
  const seen = record && ceph.elsewhere(record.imageId);
  return record === null || seen === null ? [] : [{ key: imageKeyOf(record.region, record.id), seen }];
}

/** The volume's name, where it is reserved for another: listed among that one's. */
function ofAnother({ layout, register }: World, { record }: Snapshot): readonly Thing[] {
  const volume = record && register.names.get(layout.name({ ...record, kind: 'volume' }));
  if (record === null || !volume || volume === record.id) return [];
  return [{ key: heldNameKey(record.id, record), seen: { volume, own: false, named: true } }];
}

/** What differs anywhere. */
export function wrongs(world: World): readonly Suspicion[] {
  const things = new Map(SCRUBBED.map((facet) => [facet, byVolume(world, facet)]));
  return [...world.register.owners.keys()].flatMap((id) => wrongOf(world, id as VolumeId, SCRUBBED, things));
}
