import { defineIntent, volume, volumeResource } from '@plumbline/domain';
import type { RegionSlug } from '@plumbline/domain';
import { image } from '@plumbline/ceph-facets';
import type { ImageWant } from '@plumbline/ceph-facets';
import { z } from 'zod';
import { regionSlug, volumeId, EXAMPLE_VOLUME } from './fields.js';

const params = z.object({ volumeId, region: regionSlug, imageId: z.string() });

/**
 * Removes a deleted volume's image for good, and then forgets the volume: nothing of it can come late any more. Only what is
 * in the trash, and is the volume's own image by its internal id, is removed; of anything else a person is told.
 */
export const volumePurge = defineIntent<z.infer<typeof params>>({
  kind: 'volume-purge',
  action: 'purge_volume',
  on: 'gone',
  internal: true,
  forgets: true,
  params,
  example: { volumeId: EXAMPLE_VOLUME, region: 'nyc1' as RegionSlug, imageId: '' },
  resource: (p) => volumeResource(p.volumeId),
  refuse: () => null,
  plan: (p) => ({
    prepare: [image(p.region, p.volumeId).requiresAtOnce(trashed(p.imageId))],
    commit: volume(p.volumeId).isGone(),
    finish: [image(p.region, p.volumeId).isGone()],
  }),
});

/** An undone create never learnt its image's id. */
function trashed(imageId: string): ImageWant {
  return imageId === '' ? { trashed: true } : { trashed: true, imageId };
}
