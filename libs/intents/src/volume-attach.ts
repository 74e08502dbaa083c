import {
  InvariantError,
  Refusal,
  defineIntent,
  imageNameOf,
  notFound,
  poolOf,
  volume,
  volumeResource,
} from '@plumbline/domain';
import type { HostName, VmId } from '@plumbline/domain';
import { cephWatch, image, watch } from '@plumbline/ceph-facets';
import type { WatchSeen } from '@plumbline/ceph-facets';
import { device, node } from '@plumbline/qemu-facets';
import { z } from 'zod';
import { dropletId, optionalRegion, vmId, volumeId, EXAMPLE_VOLUME } from './fields.js';
import { refuseOtherRegion } from './refusals.js';

const params = z.object({
  volumeId,
  vm: vmId,
  host: z.string().transform((name) => name as HostName),
  region: z.string().nullable(),
});

const body = z.object({ droplet_id: dropletId, region: optionalRegion });

/**
 * Makes a volume a disk of a running VM. The guest can write only through the device, and the device comes after the
 * RADOS address of the VM's client is in the ledger: whatever happens then, that client can be fenced.
 */
export const volumeAttach = defineIntent<z.infer<typeof params>>({
  kind: 'volume-attach',
  action: 'attach_volume',
  on: 'present',
  ahead: true,
  params,
  example: { volumeId: EXAMPLE_VOLUME, vm: 1 as VmId, host: 'host-a' as HostName, region: null },
  request: {
    type: 'attach',
    body,
    params: (id, json) => {
      const { droplet_id, region } = json as z.infer<typeof body>;
      return { volumeId: id, vm: droplet_id, host: '' as HostName, region };
    },
  },
  resource: (p) => volumeResource(p.volumeId),
  vm: (p) => p.vm,
  resolve: (p, { vm }) => (vm ? { ...p, host: vm.host } : p),
  refuse(p, { record, vm }) {
    if (vm === null) return notFound();
    if (record !== null && record.attachment !== null)
      return new Refusal(
        'unprocessable_entity',
        record.attachment.vm === p.vm
          ? 'This volume is already attached to the Droplet.'
          : 'The volume is already attached to another Droplet.',
        { field: 'droplet_id' },
      );
    if (vm !== undefined && record !== null && vm.region !== record.region)
      return new Refusal(
        'unprocessable_entity',
        `The Droplet is in ${vm.region} and the volume in ${record.region}: droplet_id must be of the volume's region.`,
        { field: 'droplet_id' },
      );
    return refuseOtherRegion(p.region, record);
  },
  plan(p, record) {
    if (record === null)
      throw new InvariantError('planned to attach a volume without a record', { reason: 'plan' });
    const { region, sizeGib, imageId, name } = record;
    const place = { vm: p.vm, host: p.host, volume: p.volumeId };
    const at = { ...place, client: { seenBy: cephWatch.name } };
    return {
      prepare: [
        // A fence leaves behind what it made useless, and who died in the middle half of a disk.
        device(place).isCleared(),
        node(place).isCleared(),
        image(region, p.volumeId).requires({ sizeGib, imageId }),
        watch(region, p.volumeId).requires({ watchers: 0 }),
        node(at).is({ pool: poolOf(region), image: imageNameOf(p.volumeId), sizeGib }),
        watch(region, p.volumeId).requires({ watchers: 1 }),
        device(at).is({ name }),
      ],
      commit: volume(p.volumeId).becomes((now, { found }) => ({
        ...now,
        attachment: {
          vm: p.vm,
          host: p.host,
          address: (found(cephWatch.name) as WatchSeen | undefined)?.addresses[0] ?? '',
        },
      })),
    };
  },
});
