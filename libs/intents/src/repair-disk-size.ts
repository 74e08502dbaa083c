import { InvariantError, Refusal, defineIntent, volume, volumeResource } from '@plumbline/domain';
import { node } from '@plumbline/qemu-facets';
import { z } from 'zod';
import { volumeId, EXAMPLE_VOLUME } from './fields.js';

const params = z.object({ volumeId });

/** Shows a running VM the size that its disk has: the image is that large already. */
export const repairDiskSize = defineIntent<z.infer<typeof params>>({
  kind: 'repair-disk-size',
  action: 'repair_disk_size',
  on: 'present',
  internal: true,
  params,
  example: { volumeId: EXAMPLE_VOLUME },
  resource: (p) => volumeResource(p.volumeId),
  refuse: (_p, { record }) => (record?.attachment === null ? NOT_ATTACHED : null),
  plan(p, record) {
    if (!record?.attachment)
      throw new InvariantError('planned to repair a disk that is not attached', { reason: 'plan' });
    return {
      prepare: [node({ ...record.attachment, volume: p.volumeId }).is({ grownToGib: record.sizeGib })],
      commit: volume(p.volumeId).becomes((now) => now),
    };
  },
});

const NOT_ATTACHED = new Refusal('conflict', 'The volume is not attached to a Droplet.');
