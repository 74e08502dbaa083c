import { billingSubscription } from '@plumbline/billing-facets';
import { cephImage, cephTrash } from '@plumbline/ceph-facets';
import type {
  AccountId,
  AnyFacet,
  DiscrepancyClass,
  Finding,
  Json,
  RegionSlug,
  VmId,
} from '@plumbline/domain';
import { heldNameKey, heldSlotKey, imageNameOf, nodeNameOf } from '@plumbline/domain';
import { qemuDevice, qemuNode } from '@plumbline/qemu-facets';
import {
  registryAction,
  registryLane,
  registryName,
  registryOwner,
  registrySlot,
  registryTombstone,
  registryUsage,
} from '@plumbline/registry-facets';
import { EXAMPLE_VOLUME, intentCatalog } from './index.js';

const facets: readonly AnyFacet[] = [
  cephImage,
  cephTrash,
  qemuNode,
  qemuDevice,
  billingSubscription,
  registryName,
  registryOwner,
  registrySlot,
  registryTombstone,
  registryLane,
  registryUsage,
  registryAction,
];
const CLASSES: readonly DiscrepancyClass[] = ['missing', 'unexpected', 'different'];

const NYC1 = 'nyc1' as RegionSlug;
const KEYS: Readonly<Record<string, string>> = {
  'ceph.image': `volumes-nyc1/${imageNameOf(EXAMPLE_VOLUME)}`,
  'qemu.node': `2/${nodeNameOf(EXAMPLE_VOLUME)}`,
  'qemu.device': `2/${nodeNameOf(EXAMPLE_VOLUME)}`,
  'billing.subscription': EXAMPLE_VOLUME,
  'registry.name': heldNameKey(EXAMPLE_VOLUME, { account: 'a' as AccountId, region: NYC1, name: '=0f' }),
  'registry.owner': EXAMPLE_VOLUME,
  'registry.slot': heldSlotKey(2 as VmId, EXAMPLE_VOLUME),
  'registry.tombstone': EXAMPLE_VOLUME,
  'registry.action': `${EXAMPLE_VOLUME}/a/1`,
};

const stone = { region: 'nyc1', imageId: 'i', account: 'a' };

function findingOf({ name }: AnyFacet, sort: DiscrepancyClass): Finding {
  const isGone = sort === 'unexpected';
  const place = { key: KEYS[name] ?? '', ...(name.startsWith('qemu') ? { host: 'host-a' } : {}) };
  const seen: Json = { state: 'open', imageId: 'i', node: '', pool: 'p', image: 'i', sizeBytes: 1 };
  const of = { class: sort, place, volume: EXAMPLE_VOLUME, want: { pool: 'p', image: 'i' }, seen };
  const found = { ...of, record: isGone ? null : { imageId: 'i' }, tombstone: isGone ? stone : null };
  return found as unknown as Finding; // As much of record and tombstone as remedies look at.
}

describe('remedies', () => {
  it('have names of their own', () => {
    const names = facets.flatMap(({ remedies }) => remedies.map(({ name }) => name));
    expect(new Set(names).size).toBe(names.length);
  });

  it('leave no case of any facet out: the last one of each class that can be always fits', () => {
    for (const { name, never = [], remedies } of facets)
      for (const sort of CLASSES) {
        const last = remedies.findLast((remedy) => remedy.class === sort);
        const can = never.includes(sort) ? [] : ['always'];
        expect([name, sort, last ? [last.when ?? 'always'] : []]).toEqual([name, sort, can]);
      }
  });

  it('file what there is a kind of, for the volume, with parameters that it takes', () => {
    for (const facet of facets)
      for (const { class: sort, files, does, name } of facet.remedies) {
        expect([name, does === 'repair' ? files !== undefined : true]).toEqual([name, true]);
        if (files === undefined) continue;
        const definition = intentCatalog.get(files.kind);
        expect([name, definition?.internal]).toEqual([name, true]);
        const params = definition?.params.parse(files.params(findingOf(facet, sort)));
        expect(definition?.resource(params ?? null)).toBe(`volume/${EXAMPLE_VOLUME}`);
      }
  });
});
