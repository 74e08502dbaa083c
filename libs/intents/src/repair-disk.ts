import { InvariantError, Refusal, defineIntent, volume, volumeResource } from '@plumbline/domain';
import { z } from 'zod';
import { disk } from './disk.js';
import { volumeId, EXAMPLE_VOLUME } from './fields.js';

const params = z.object({ volumeId });

/**
 * Attaches a volume again where its record says that it is. Whoever had it open there before is proven gone first, or
 * fenced: a VM that was only asleep must not wake to an image that another process of the same VM writes to.
 */
export const repairDisk = defineIntent<z.infer<typeof params>>({
  kind: 'repair-disk',
  action: 'repair_disk',
  on: 'present',
  internal: true,
  ahead: true,
  params,
  example: { volumeId: EXAMPLE_VOLUME },
  resource: (p) => volumeResource(p.volumeId),
  refuse: (_p, { record }) =>
    record?.attachment === null ? new Refusal('conflict', 'The volume is not attached to a Droplet.') : null,
  plan(p, record) {
    if (!record?.attachment)
      throw new InvariantError('planned to repair a disk that is not attached', { reason: 'plan' });
    const { attachment } = record;
    return {
      prepare: disk.buildsFor(record, attachment, { address: attachment.address }),
      commit: volume(p.volumeId).becomes((now, { found }) => ({
        ...now,
        attachment: disk.attachment(attachment, found),
      })),
    };
  },
});
