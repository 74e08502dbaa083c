import { defineFacet, fact } from '@plumbline/domain';
import { z } from 'zod';
import { diskFactAt, diskPlaceOf, parseDiskKey, volumeOfDiskKey } from './keys.js';
import { diskRemedies } from './remedies.js';
import type { DiskOfClient } from './keys.js';

const deviceWant = z.object({
  /** The volume's name: guests find the disk as `/dev/disk/by-id/scsi-0DO_Volume_<name>`. */
  name: z.string(),
});
export type DeviceWant = z.infer<typeof deviceWant>;

const deviceSeen = z.object({
  /** Node name of the drive behind it; empty when the device is there without one. */
  node: z.string(),
  /**
   * `plugged`: on the node of its own name. `leaving`: unplugged, but not yet done with its node. `driveless`: its drive
   * was taken away. `astray`: on another node than its own.
   */
  state: z.enum(['plugged', 'leaving', 'driveless', 'astray']),
});
export type DeviceSeen = z.infer<typeof deviceSeen>;

/** The SCSI disk that a guest sees, on the block node of the same name. */
export const qemuDevice = defineFacet<DeviceWant, DeviceSeen>({
  name: 'qemu.device',
  source: 'qemu',
  want: deviceWant,
  seen: deviceSeen,
  holds: (want, seen) => (want === null ? seen === null : seen?.state === 'plugged'),
  expected: ({ attachment, id, name }) =>
    attachment === null ? [] : [{ ...diskPlaceOf({ ...attachment, volume: id }), want: { name } }],
  volumeOf: volumeOfDiskKey,
  causeOf: ({ key, host }) => `${host ?? ''} ${parseDiskKey(key).vm}`,
  parks: (_want, seen) => (seen?.state === 'astray' ? 'stranger' : null),
  remedies: diskRemedies('device'),
});

/** A volume's disk in a VM, about which a plan states facts. */
export function device(at: DiskOfClient) {
  return fact(qemuDevice, diskFactAt(at));
}
