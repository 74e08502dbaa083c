import { imageNameOf, poolOf } from '@plumbline/domain';
import type { Attachment, ClientRef, Found, HostName, Step, VmId, VolumeRecord } from '@plumbline/domain';
import { cephWatch, image, watch } from '@plumbline/ceph-facets';
import type { WatchSeen } from '@plumbline/ceph-facets';
import { device, node } from '@plumbline/qemu-facets';

/**
 * What makes a volume a disk of a running VM. The guest can write only through the device, and the device comes after the
 * RADOS address of the VM's client is in the ledger: whatever happens then, that client can be fenced.
 */
export const disk = {
  /** @param before who had it open there; absent: nobody that the record knows of. */
  buildsFor(
    { id, imageId, name, region, sizeGib }: VolumeRecord,
    { vm, host }: { vm: VmId; host: HostName },
    before?: ClientRef,
  ): readonly Step<'build' | 'require'>[] {
    const place = { vm, host, volume: id };
    const cleared = before === undefined ? place : { ...place, client: before };
    const at = { ...place, client: { seenBy: cephWatch.name } };
    return [
      // A fence leaves behind what it made useless, and who died in the middle half of a disk.
      device(cleared).isCleared(),
      node(cleared).isCleared(),
      image(region, id).requires({ sizeGib, imageId }),
      watch(region, id).requires({ watchers: 0 }),
      node(at).is({ pool: poolOf(region), image: imageNameOf(id), sizeGib }),
      watch(region, id).requires({ watchers: 1 }),
      device(at).is({ name }),
    ];
  },

  /** The attachment that it becomes, with the client that the guest writes through. */
  attachment({ vm, host }: { vm: VmId; host: HostName }, found: Found): Attachment {
    return { vm, host, address: (found(cephWatch.name) as WatchSeen | undefined)?.addresses[0] ?? '' };
  },
};
