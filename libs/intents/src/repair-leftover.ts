import { defineIntent, volume, volumeResource } from '@plumbline/domain';
import type { RegionSlug } from '@plumbline/domain';
import { image } from '@plumbline/ceph-facets';
import { z } from 'zod';
import { regionSlug, volumeId, EXAMPLE_VOLUME } from './fields.js';

const params = z.object({ volumeId, region: regionSlug, imageId: z.string() });

/** Moves the image that a deleted volume left over to the trash, as its delete should have. */
export const repairLeftover = defineIntent<z.infer<typeof params>>({
  kind: 'repair-leftover',
  action: 'repair_leftover',
  on: 'gone',
  internal: true,
  params,
  example: { volumeId: EXAMPLE_VOLUME, region: 'nyc1' as RegionSlug, imageId: '' },
  resource: (p) => volumeResource(p.volumeId),
  refuse: () => null,
  plan: (p) => ({
    prepare: [],
    commit: volume(p.volumeId).isGone(),
    finish: [
      image(p.region, p.volumeId).endsAs(
        // An undone create never learnt its image's id.
        p.imageId === '' ? { trashed: true } : { trashed: true, imageId: p.imageId },
      ),
    ],
  }),
});
