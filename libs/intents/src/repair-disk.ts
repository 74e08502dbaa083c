import {
  InvariantError,
  Refusal,
  defineIntent,
  imageNameOf,
  poolOf,
  volume,
  volumeResource,
} from '@plumbline/domain';
import { cephWatch, image, watch } from '@plumbline/ceph-facets';
import type { WatchSeen } from '@plumbline/ceph-facets';
import { device, node } from '@plumbline/qemu-facets';
import { z } from 'zod';
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
    const { attachment, imageId, name, region, sizeGib } = record;
    const place = { vm: attachment.vm, host: attachment.host, volume: p.volumeId };
    const before = { ...place, client: { address: attachment.address } };
    const at = { ...place, client: { seenBy: cephWatch.name } };
    return {
      prepare: [
        device(before).isCleared(),
        node(before).isCleared(),
        image(region, p.volumeId).requires({ sizeGib, imageId }),
        watch(region, p.volumeId).requires({ watchers: 0 }),
        node(at).is({ pool: poolOf(region), image: imageNameOf(p.volumeId), sizeGib }),
        watch(region, p.volumeId).requires({ watchers: 1 }),
        device(at).is({ name }),
      ],
      commit: volume(p.volumeId).becomes((now, { found }) => ({
        ...now,
        attachment: {
          ...attachment,
          address: (found(cephWatch.name) as WatchSeen | undefined)?.addresses[0] ?? '',
        },
      })),
    };
  },
});
