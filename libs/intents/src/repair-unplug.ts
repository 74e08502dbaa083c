import { Refusal, defineIntent, volume, volumeResource } from '@plumbline/domain';
import type { HostName, VmId } from '@plumbline/domain';
import { device, node } from '@plumbline/qemu-facets';
import { z } from 'zod';
import { vmId, volumeId, EXAMPLE_VOLUME } from './fields.js';

const params = z.object({ volumeId, vm: vmId, host: z.string().transform((name) => name as HostName) });

/** Takes a disk out of a VM that no record says it belongs to. */
export const repairUnplug = defineIntent<z.infer<typeof params>>({
  kind: 'repair-unplug',
  action: 'repair_unplug',
  on: 'any',
  internal: true,
  params,
  example: { volumeId: EXAMPLE_VOLUME, vm: 2 as VmId, host: 'host-a' as HostName },
  resource: (p) => volumeResource(p.volumeId),
  refuse: (p, { record }) =>
    record?.attachment?.vm === p.vm
      ? new Refusal('conflict', 'The disk belongs there: the volume is attached to that Droplet.')
      : null,
  plan(p) {
    const at = { vm: p.vm, host: p.host, volume: p.volumeId };
    return {
      prepare: [device(at).isReleased(), node(at).isReleased()],
      commit: volume(p.volumeId).becomes((now) => now),
    };
  },
});
