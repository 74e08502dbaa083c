import { createHash, randomUUID } from 'node:crypto';
import { imageKeyOf } from '@plumbline/ceph-facets';
import type { DiscrepancyRecord, RegionSlug, VolumeId } from '@plumbline/domain';
import { Discrepancies } from '@plumbline/registry';
import type { ApiWorld } from './api-world.js';

const AT = Date.UTC(2030, 0, 1);

/** A discrepancy as the scrubber would have written it, and its id. */
export async function plant(
  world: ApiWorld,
  more: Partial<DiscrepancyRecord> = {},
): Promise<{ id: string; record: DiscrepancyRecord }> {
  const volume = more.volume ?? (randomUUID() as VolumeId);
  const record: DiscrepancyRecord = {
    facet: 'ceph.image',
    class: 'different',
    key: imageKeyOf('nyc1' as RegionSlug, volume),
    host: null,
    volume,
    account: world.account,
    want: { sizeGib: 1 },
    seen: { state: 'trashed' },
    seenBy: 'scrubber-1',
    recordIndex: 7,
    intents: 0,
    firstSeenAt: AT,
    lastSeenAt: AT + 1000,
    remedy: { name: 'image-trashed', does: 'repair', why: 'it comes back' },
    state: 'confirmed',
    intent: null,
    repairs: 0,
    parked: null,
    accepted: null,
    history: [{ at: AT, state: 'seen-once', note: 'it comes back' }],
    ...more,
  };
  await book(world).change(record, () => record);
  const name = record.host === null ? record.key : `${record.host} ${record.key}`;
  const id = `${record.facet}/${createHash('sha256').update(name).digest('hex')}`;
  return { id, record };
}

export function book(world: ApiWorld): Discrepancies {
  return new Discrepancies(world.registry);
}

/** The scrubber finds nothing wrong any more. */
export async function clear(world: ApiWorld): Promise<void> {
  for (const record of await book(world).list()) await book(world).change(record, () => null);
}
