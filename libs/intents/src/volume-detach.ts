import { InvariantError, Refusal, defineIntent, volume, volumeResource } from '@plumbline/domain';
import type { VmId } from '@plumbline/domain';
import { device, node } from '@plumbline/qemu-facets';
import { z } from 'zod';
import { dropletId, optionalRegion, vmId, volumeId, EXAMPLE_VOLUME } from './fields.js';
import { refuseOtherRegion } from './refusals.js';

const params = z.object({ volumeId, vm: vmId, region: z.string().nullable() });

const body = z.object({ droplet_id: dropletId, region: optionalRegion });

/**
 * Takes a volume out of its VM. A release: the record outlives the disk, so that nobody attaches the volume elsewhere
 * while a guest may still write; retried until true, never undone. True is what is proven: the VM itself closed the image
 * for us, or its client is fenced. So a VM that is dead, or on a host that is away, lets go too.
 */
export const volumeDetach = defineIntent<z.infer<typeof params>>({
  kind: 'volume-detach',
  action: 'detach_volume',
  on: 'present',
  ahead: true,
  params,
  example: { volumeId: EXAMPLE_VOLUME, vm: 1 as VmId, region: null },
  request: {
    type: 'detach',
    body,
    params: (id, json) => {
      const { droplet_id, region } = json as z.infer<typeof body>;
      return { volumeId: id, vm: droplet_id, region };
    },
  },
  resource: (p) => volumeResource(p.volumeId),
  refuse(p, { record }) {
    if (record !== null && record.attachment?.vm !== p.vm)
      return new Refusal(
        'unprocessable_entity',
        'Attachment not found: droplet_id must be the Droplet that has the volume.',
        {
          field: 'droplet_id',
        },
      );
    return refuseOtherRegion(p.region, record);
  },
  plan(p, record) {
    const attachment = record?.attachment;
    if (!attachment)
      throw new InvariantError('planned to detach a volume that is not attached', { reason: 'plan' });
    const { vm, host, address } = attachment;
    const at = { vm, host, volume: p.volumeId, client: { address } };
    return {
      prepare: [device(at).isReleased(), node(at).isReleased()],
      commit: volume(p.volumeId).becomes((now) => ({ ...now, attachment: null })),
    };
  },
});
