import { InvariantError, Refusal, defineIntent, volume, volumeResource } from '@plumbline/domain';
import { image } from '@plumbline/ceph-facets';
import { node } from '@plumbline/qemu-facets';
import { subscription } from '@plumbline/billing-facets';
import { z } from 'zod';
import { sizeGib, volumeId, EXAMPLE_VOLUME } from './fields.js';

const params = z.object({ volumeId, sizeGib });

/**
 * Records a size that somebody has given the image by hand. Until an operator says so the image is larger than its record,
 * which is no discrepancy, and nobody pays for it. The image itself is looked at, and never grown.
 */
export const volumeAdoptSize = defineIntent<z.infer<typeof params>>({
  kind: 'volume-adopt-size',
  action: 'adopt_volume_size',
  on: 'present',
  internal: true,
  operators: true,
  params,
  example: { volumeId: EXAMPLE_VOLUME, sizeGib: 5 },
  resource: (p) => volumeResource(p.volumeId),
  refuse: (p, { record }) =>
    record !== null && p.sizeGib <= record.sizeGib
      ? new Refusal('conflict', `The volume has ${record.sizeGib} GiB already: its image has no more.`)
      : null,
  plan(p, record) {
    if (record === null)
      throw new InvariantError('planned to adopt the size of a volume without a record', { reason: 'plan' });
    const { attachment, imageId, region } = record;
    return {
      prepare: [
        image(region, p.volumeId).requiresAtOnce({ sizeGib: p.sizeGib, imageId }),
        ...(attachment === null
          ? []
          : [node({ ...attachment, volume: p.volumeId }).is({ grownToGib: p.sizeGib })]),
      ],
      commit: volume(p.volumeId).becomes((now) => ({ ...now, sizeGib: Math.max(now.sizeGib, p.sizeGib) })),
      owes: [subscription.is({ sizeGib: Math.max(record.sizeGib, p.sizeGib) })],
    };
  },
});
