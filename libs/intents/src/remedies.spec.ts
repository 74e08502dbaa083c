import { billingSubscription } from '@plumbline/billing-facets';
import { cephImage } from '@plumbline/ceph-facets';
import type { AnyFacet, DiscrepancyClass, Finding, Json } from '@plumbline/domain';
import { imageNameOf, nodeNameOf } from '@plumbline/domain';
import { qemuDevice, qemuNode } from '@plumbline/qemu-facets';
import { EXAMPLE_VOLUME, intentCatalog } from './index.js';

const facets: readonly AnyFacet[] = [cephImage, qemuNode, qemuDevice, billingSubscription];
const CLASSES: readonly DiscrepancyClass[] = ['missing', 'unexpected', 'different'];

const KEYS: Readonly<Record<string, string>> = {
  'ceph.image': `volumes-nyc1/${imageNameOf(EXAMPLE_VOLUME)}`,
  'qemu.node': `2/${nodeNameOf(EXAMPLE_VOLUME)}`,
  'qemu.device': `2/${nodeNameOf(EXAMPLE_VOLUME)}`,
  'billing.subscription': EXAMPLE_VOLUME,
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

  it('leave no case of any facet out: the last one of each class always fits', () => {
    for (const { name, remedies } of facets)
      for (const sort of CLASSES) {
        const last = remedies.findLast((remedy) => remedy.class === sort);
        expect([name, sort, last?.when]).toEqual([name, sort, undefined]);
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
