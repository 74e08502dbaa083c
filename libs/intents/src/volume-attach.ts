import { InvariantError, Refusal, defineIntent, notFound, volume, volumeResource } from '@plumbline/domain';
import type { HostName, VmId } from '@plumbline/domain';
import { z } from 'zod';
import { disk } from './disk.js';
import { dropletId, optionalRegion, vmId, volumeId, EXAMPLE_VOLUME } from './fields.js';
import { refuseOtherRegion } from './refusals.js';

const params = z.object({
  volumeId,
  vm: vmId,
  host: z.string().transform((name) => name as HostName),
  region: z.string().nullable(),
});

const body = z.object({ droplet_id: dropletId, region: optionalRegion });

/** Makes a volume a disk of a running VM. */
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
    return {
      prepare: disk.buildsFor(record, p),
      commit: volume(p.volumeId).becomes((now, { found }) => ({
        ...now,
        attachment: disk.attachment(p, found),
      })),
    };
  },
});
