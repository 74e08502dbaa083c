import { InvariantError, defineIntent, volume, volumeResource } from '@plumbline/domain';
import { image } from '@plumbline/ceph-facets';
import { z } from 'zod';
import { volumeId, EXAMPLE_VOLUME } from './fields.js';

const params = z.object({ volumeId, from: z.string().exactOptional() });

/**
 * Takes a volume's image back, out of the trash or from another name, by its internal id. Where there is none, or another's,
 * it parks: an image is never made anew, because the customer would get an empty disk, and until a person has looked nothing
 * else is begun.
 */
export const repairImage = defineIntent<z.infer<typeof params>>({
  kind: 'repair-image',
  action: 'repair_image',
  on: 'present',
  internal: true,
  params,
  example: { volumeId: EXAMPLE_VOLUME },
  resource: (p) => volumeResource(p.volumeId),
  refuse: () => null,
  plan(p, record) {
    if (record === null)
      throw new InvariantError('planned to repair the image of a volume without a record', {
        reason: 'plan',
      });
    const { imageId, region } = record;
    const from = p.from === undefined ? {} : { from: p.from };
    return {
      prepare: [image(region, p.volumeId).is({ restored: true, imageId, ...from })],
      commit: volume(p.volumeId).becomes((now) => now),
    };
  },
});
