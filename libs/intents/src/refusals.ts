import { Refusal } from '@plumbline/domain';
import type { Region, VolumeRecord } from '@plumbline/domain';

/** A region in an action is optional, and may not be another one's. */
export function refuseOtherRegion(region: string | null, record: VolumeRecord | null): Refusal | null {
  if (region === null || record === null || region === record.region) return null;
  return new Refusal('unprocessable_entity', `region must be ${record.region}, where the volume is.`, {
    field: 'region',
  });
}

export function refuseUnknownRegion(region: string, regions: readonly Region[]): Refusal | null {
  if (regions.some(({ slug }) => slug === region)) return null;
  const slugs = regions.map(({ slug }) => slug).join(', ');
  return new Refusal(
    'unprocessable_entity',
    `Storage is not supported for this region: region must be one of ${slugs}.`,
    { field: 'region' },
  );
}
