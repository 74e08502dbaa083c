import { InvariantError, Refusal, defineIntent, volume, volumeResource } from '@plumbline/domain';
import { image } from '@plumbline/ceph-facets';
import { node } from '@plumbline/qemu-facets';
import { subscription } from '@plumbline/billing-facets';
import { z } from 'zod';
import { optionalRegion, sizeGib, volumeId, EXAMPLE_VOLUME } from './fields.js';
import { refuseOtherRegion } from './refusals.js';

const params = z.object({ volumeId, sizeGib, region: z.string().nullable() });

const body = z.object({ size_gigabytes: sizeGib, region: optionalRegion });

/**
 * Grows a volume, under a running VM too. Image first, then what the VM shows, then the record: the record is never
 * ahead of the image, and nobody is billed for more than the record says. Sizes only grow, so of two the larger stands.
 */
export const volumeResize = defineIntent<z.infer<typeof params>>({
  kind: 'volume-resize',
  action: 'resize_volume',
  on: 'present',
  params,
  example: { volumeId: EXAMPLE_VOLUME, sizeGib: 5, region: null },
  request: {
    type: 'resize',
    body,
    params: (id, json) => {
      const { size_gigabytes, region } = json as z.infer<typeof body>;
      return { volumeId: id, sizeGib: size_gigabytes, region };
    },
  },
  resource: (p) => volumeResource(p.volumeId),
  refuse(p, { record }) {
    if (record !== null && p.sizeGib <= record.sizeGib)
      return new Refusal(
        'unprocessable_entity',
        `size_gigabytes must be more than the volume's ${record.sizeGib}: volumes only grow.`,
        { field: 'size_gigabytes' },
      );
    return refuseOtherRegion(p.region, record);
  },
  plan(p, record) {
    if (record === null)
      throw new InvariantError('planned to grow a volume without a record', { reason: 'plan' });
    const { attachment, imageId, region } = record;
    return {
      prepare: [
        image(region, p.volumeId).is({ sizeGib: p.sizeGib, imageId }),
        ...(attachment === null
          ? []
          : [node({ ...attachment, volume: p.volumeId }).is({ grownToGib: p.sizeGib })]),
      ],
      commit: volume(p.volumeId).becomes((now) => ({ ...now, sizeGib: Math.max(now.sizeGib, p.sizeGib) })),
      owes: [subscription.is({ sizeGib: Math.max(record.sizeGib, p.sizeGib) })],
    };
  },
});
