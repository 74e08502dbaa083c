/**
 * A volume's disk as the guest of a VM sees it: a `scsi-hd` on the node of the same name.
 *
 * Made by one `device_add`, at a target that QEMU picks. It may be repeated: ids of devices are unique, and a node takes
 * one device. Removed by `device_del`, which only begins: QEMU answers at once, and the disk is gone when it says
 * `DEVICE_DELETED` or no longer shows it. Some disks wait for their guest, perhaps for ever; so a call waits for a while
 * and then asks to be called again. Repeating `device_del` meanwhile does no harm: QEMU refuses it, or asks the guest anew.
 */
import { BusyError, InvariantError, RejectedError } from '@plumbline/domain';
import type { Applied, Backend, Change, Json, Place, Unasked } from '@plumbline/domain';
import { qemuDevice } from '@plumbline/qemu-facets';
import type { DeviceSeen, DeviceWant } from '@plumbline/qemu-facets';
import { notRunning, nothingToTell, refused, unlessDead } from './errors.js';
import type { VmDead } from './errors.js';
import { listingOf } from './listing.js';
import { diskAt, wantedOf } from './place.js';
import type { Vm } from './vm.js';
import type { Vms } from './vms.js';

/** The SCSI bus of every VM. */
const BUS = 'scsi0.0';
/** How often a leaving disk is looked at besides waiting for the event, which a lost connection may have swallowed. */
const LOOK_EVERY_MS = 200;
/** When to ask again for a disk that its guest holds on to. */
const ASK_AGAIN_MS = 1_000;

/**
 * That a device is not there needs no proof: the node that it was on shows whether its VM still has the image, and a VM
 * lets go of no node that a device uses.
 */
const NOT_THERE: Applied = { seen: null };

interface Disk {
  readonly vm: Vm;
  readonly key: string;
  readonly name: string;
  readonly signal: AbortSignal;
}

export class DeviceBackend implements Backend {
  readonly facet = qemuDevice;

  constructor(
    private readonly vms: Vms,
    private readonly unplugMs: number,
  ) {}

  observe(place: Place, signal: AbortSignal): Promise<Json> {
    return this.at(place, signal, 'look at a device', look, () => null);
  }

  inspect(place: Place, signal: AbortSignal): Promise<Json> {
    return this.at<Json>(place, signal, 'look at a device', look, nothingToTell);
  }

  list(signal: AbortSignal, unasked?: Unasked): AsyncIterable<Place & { readonly seen: Json }> {
    const thingsOf = (vm: Vm) => vm.disks(signal);
    return listingOf(this.vms, { facet: qemuDevice, signal, unasked, thingsOf });
  }

  apply(place: Place, { want }: Change, signal: AbortSignal): Promise<Applied> {
    const wanted = wantedOf(qemuDevice, want);
    const change = (disk: Disk) => (wanted === null ? this.unplug(disk) : this.plug(disk, wanted));
    return this.at<Applied>(place, signal, 'change a device', change, (dead) => {
      if (wanted === null) return NOT_THERE;
      throw notRunning(dead);
    });
  }

  /** A device that stood before stays; one that is on another node than its own is none that we made. */
  undo(place: Place, { want, before }: Change, signal: AbortSignal): Promise<Applied> {
    const change = async (disk: Disk) =>
      want === null || before !== null ? { seen: await look(disk) } : this.unplug(disk);
    return this.at<Applied>(place, signal, 'take back a device', change, () => NOT_THERE);
  }

  idle(place: Place): Promise<void> {
    return this.vms.open.idle(place.key);
  }

  private async plug(disk: Disk, { name }: DeviceWant): Promise<Applied> {
    const there = await look(disk);
    if (there?.state === 'plugged') return { seen: there };
    if (there !== null) {
      const left = await this.unplug(disk);
      if (!('seen' in left)) return left;
    }
    await expectNode(disk);
    const refusal = await disk.vm.change(
      disk.key,
      { name: 'device_add', args: scsiDisk(disk.name, name) },
      disk.signal,
    );
    const seen = await look(disk);
    if (seen?.state === 'plugged') return { seen };
    if (refusal !== null) throw refused('plug the disk in', refusal);
    throw new BusyError('QEMU agreed to plug the disk in, but it is not so', { reason: 'qmp-not-done' });
  }

  private async unplug(disk: Disk): Promise<Applied> {
    const seen = await look(disk);
    if (seen === null) return { seen: null };
    if (seen.state === 'astray') {
      throw new InvariantError(`the device is on another node, ${seen.node}`, { reason: 'stranger' });
    }
    const { vm, key, name, signal } = disk;
    let asked = seen.state === 'leaving';
    const isGone = async () => {
      if (!asked) {
        asked = true;
        await vm.change(key, { name: 'device_del', args: { id: name } }, signal);
      }
      return (await look(disk)) === null;
    };
    const gone = await vm.untilDevice(name, { check: isGone, everyMs: LOOK_EVERY_MS, forMs: this.unplugMs });
    return gone ? { seen: null } : { waitMs: ASK_AGAIN_MS };
  }

  private at<T>(
    place: Place,
    signal: AbortSignal,
    what: string,
    call: (disk: Disk) => Promise<T>,
    dead: (error: VmDead) => T,
  ): Promise<T> {
    const { key } = place;
    return this.vms.open.run({ key, what, signal }, async () => {
      const { vm: id, name } = diskAt(place, this.vms.host);
      return unlessDead(call({ vm: await this.vms.find(id, signal), key, name, signal }), dead);
    });
  }
}

/**
 * Guests make `/dev/disk/by-id/scsi-0DO_Volume_<name>` of vendor, product and `device_id`, which goes into page 0x83 of
 * the disk and may be longer than a serial number. A world wide name would come first there, so there is none.
 */
function scsiDisk(nodeName: string, volumeName: string) {
  return {
    driver: 'scsi-hd',
    bus: BUS,
    id: nodeName,
    drive: nodeName,
    vendor: 'DO',
    product: 'Volume',
    device_id: volumeName,
    serial: nodeName,
    // A full pool is the guest's error. By default QEMU would stop the whole VM, and nobody would start it again.
    werror: 'report',
    rerror: 'report',
  };
}

async function look({ vm, name, signal }: Disk): Promise<DeviceSeen | null> {
  const disks = await vm.disks(signal);
  return disks.find((disk) => disk.name === name)?.seen ?? null;
}

/** A VM that was restarted in between has lost the node: the plan has to begin again. */
async function expectNode({ vm, name, signal }: Disk): Promise<void> {
  if ((await vm.nodes(signal)).has(name)) return;
  throw new RejectedError('the VM has no block node for this disk', { reason: 'node-missing' });
}
