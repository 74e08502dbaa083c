import { InvariantError, Refusal, defineIntent, volume, volumeResource } from '@plumbline/domain';
import { image } from '@plumbline/ceph-facets';
import { subscription } from '@plumbline/billing-facets';
import { z } from 'zod';
import { volumeId, EXAMPLE_VOLUME } from './fields.js';

const params = z.object({ volumeId });

/** Deletes a volume: gone for the customer at the commit, its image to the trash behind that. */
export const volumeDelete = defineIntent<z.infer<typeof params>>({
  kind: 'volume-delete',
  action: 'delete_volume',
  on: 'present',
  cancels: true,
  params,
  example: { volumeId: EXAMPLE_VOLUME },
  resource: (p) => volumeResource(p.volumeId),
  refuse(_p, { record }) {
    if (record === null) return null;
    if (record.attachment !== null)
      return new Refusal(
        'conflict',
        "A volume that's attached to a Droplet cannot be deleted. Detach the attached volume first.",
      );
    if (record.pins.length > 0)
      return new Refusal('conflict', 'The volume cannot be deleted while something depends on it.');
    return null;
  },
  plan(p, record) {
    if (record === null)
      throw new InvariantError('planned to delete a volume without a record', { reason: 'plan' });
    return {
      prepare: [],
      commit: volume(p.volumeId).isGone(),
      finish: [image(record.region, p.volumeId).endsAs({ trashed: true, imageId: record.imageId })],
      owes: [subscription.isGone()],
    };
  },
});
