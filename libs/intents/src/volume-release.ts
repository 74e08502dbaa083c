import { InvariantError, Refusal, defineIntent, volume, volumeResource } from '@plumbline/domain';
import { image, watch } from '@plumbline/ceph-facets';
import { subscription } from '@plumbline/billing-facets';
import { z } from 'zod';
import { volumeId, EXAMPLE_VOLUME } from './fields.js';

const params = z.object({ volumeId, image: z.string() });

/**
 * Ends a volume and leaves its image as it is, under a name that is not ours: from then on it is nobody's. With the end of
 * the intent the tombstone goes, and nothing is left that a purge or a repair could take the image by.
 */
export const volumeRelease = defineIntent<z.infer<typeof params>>({
  kind: 'volume-release',
  action: 'release_volume',
  on: 'present',
  internal: true,
  operators: true,
  forgets: true,
  params,
  example: { volumeId: EXAMPLE_VOLUME, image: 'released-by-hand' },
  resource: (p) => volumeResource(p.volumeId),
  refuse(_p, { record }) {
    if (record === null) return null;
    if (record.attachment !== null)
      return new Refusal('conflict', 'The volume is attached to a Droplet: it is to be detached first.');
    if (record.pins.length > 0)
      return new Refusal('conflict', 'The volume cannot be released while something depends on it.');
    return null;
  },
  plan(p, record) {
    if (record === null)
      throw new InvariantError('planned to release a volume without a record', { reason: 'plan' });
    const { imageId, region, sizeGib } = record;
    return {
      prepare: [
        image(region, p.volumeId).requiresAtOnce({ sizeGib, imageId }),
        watch(region, p.volumeId).requires({ watchers: 0 }),
      ],
      commit: volume(p.volumeId).isGone(),
      finish: [image(region, p.volumeId).endsAs({ releasedAs: p.image, imageId })],
      owes: [subscription.isGone()],
    };
  },
});
