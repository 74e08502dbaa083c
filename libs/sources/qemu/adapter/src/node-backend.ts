/**
 * A volume's block node in a VM: the RBD image, opened by QEMU with a RADOS client of its own.
 *
 * Made by one `blockdev-add`: a `raw` node of the volume's name, and in it an unnamed node that speaks RBD and goes with
 * it. It may be repeated, because QEMU keeps names unique; but it tells neither that nor anything else in words that a
 * program may rely on, so it is asked what it has before and after. What QEMU does not keep apart is the same image under
 * two names, so that is looked for.
 *
 * Grown by `block_resize`, which sets the size of the *image* to whatever it is told. QEMU itself only knows the size that
 * the image had when it was opened: told to grow from 1 to 2 GiB an image that somebody has grown to 3, it cuts it to 2.
 * Therefore Ceph is asked for the image's true size, and that is what the node is set to.
 *
 * Removed by `blockdev-del`, which flushes, once the device is gone. Only its answer proves that the image is closed. A node
 * that is not there may be in a process that this monitor does not belong to any more, asleep and about to wake.
 */
import { BusyError, InvariantError, RejectedError } from '@plumbline/domain';
import type { Applied, Backend, Change, Json, Place, Unasked } from '@plumbline/domain';
import { qemuNode } from '@plumbline/qemu-facets';
import type { NodeSeen, NodeWant } from '@plumbline/qemu-facets';
import { notRunning, nothingToTell, refused, unlessDead } from './errors.js';
import type { QmpRefusal, VmDead } from './errors.js';
import type { OpenImage } from './open-images.js';
import { diskAt, wantedOf } from './place.js';
import { listingOf } from './listing.js';
import type { Vm } from './vm.js';
import type { Vms } from './vms.js';

type Image = Pick<OpenImage, 'pool' | 'image'>;

export interface ImageAccess {
  /** Path of the configuration file that QEMU reads. */
  readonly conf: string;
  /** The cephx user without `client.`. */
  readonly user: string;
  /** An image's true size, by Ceph itself. */
  imageBytes(image: Image, signal: AbortSignal): Promise<number>;
}

const GIB = 1024 ** 3;

/** Not there, and it was not this call that closed it. */
const UNPROVEN: Applied = { seen: null, lost: true };

export class NodeBackend implements Backend {
  readonly facet = qemuNode;

  constructor(
    private readonly vms: Vms,
    private readonly access: ImageAccess,
  ) {}

  observe(place: Place, signal: AbortSignal): Promise<Json> {
    return this.at(
      place,
      signal,
      'look at a node',
      ({ look }) => look(),
      () => null,
    );
  }

  inspect(place: Place, signal: AbortSignal): Promise<Json> {
    return this.at<Json>(place, signal, 'look at a node', ({ look }) => look(), nothingToTell);
  }

  list(signal: AbortSignal, unasked?: Unasked): AsyncIterable<Place & { readonly seen: Json }> {
    const thingsOf = async (vm: Vm) =>
      (await vm.images(signal)).map((image) => ({ name: image.name, seen: seenOf(image) }));
    return listingOf(this.vms, { facet: qemuNode, signal, unasked, thingsOf });
  }

  apply(place: Place, { want }: Change, signal: AbortSignal): Promise<Applied> {
    const wanted = wantedOf(qemuNode, want);
    const change = async (disk: Disk) =>
      wanted === null ? this.remove(disk) : { seen: await this.make(disk, wanted, await disk.look()) };
    return this.at<Applied>(place, signal, 'change a node', change, (dead) => {
      if (wanted === null || !('pool' in wanted)) return UNPROVEN;
      throw notRunning(dead);
    });
  }

  /** A node that stood before stays: what it shows more is the image's size, and sizes do not shrink. */
  undo(place: Place, { want, before }: Change, signal: AbortSignal): Promise<Applied> {
    const wanted = wantedOf(qemuNode, want);
    const change = async (disk: Disk) => {
      const seen = await disk.look();
      if (before !== null || wanted === null || !('pool' in wanted)) return { seen };
      if (seen !== null && !seen.unreadable) expectSameImage(wanted, seen);
      return this.remove(disk);
    };
    return this.at<Applied>(place, signal, 'take back a node', change, () => UNPROVEN);
  }

  idle(place: Place): Promise<void> {
    return this.vms.open.idle(place.key);
  }

  private make(disk: Disk, wanted: NodeWant, seen: NodeSeen | null): Promise<NodeSeen | null> {
    if (!('pool' in wanted))
      return seen === null ? Promise.resolve(null) : this.grow(disk, wanted.grownToGib, seen);
    if (seen === null) return this.add(disk, wanted);
    if (seen.unreadable) return this.replace(disk, wanted);
    expectSameImage(wanted, seen);
    return this.grow(disk, wanted.sizeGib, seen);
  }

  /** What is behind it cannot be told, and no device is on it: opened anew, it can be vouched for. */
  private async replace(disk: Disk, wanted: Image & { sizeGib: number }): Promise<NodeSeen> {
    await this.remove(disk);
    return this.add(disk, wanted);
  }

  private async add(disk: Disk, wanted: Image & { sizeGib: number }): Promise<NodeSeen> {
    const again = (await disk.images()).find((other) => isSameImage(other, wanted));
    if (again !== undefined) {
      const message = `the VM has ${wanted.pool}/${wanted.image} open under another name, ${again.name}`;
      throw new InvariantError(message, { reason: 'image-opened-twice' });
    }
    const refusal = await disk.change('blockdev-add', {
      driver: 'raw',
      'node-name': disk.name,
      'read-only': false,
      // librbd's write-back cache, which a guest's flush empties: a disk with a volatile cache, as guests expect one.
      cache: { direct: false, 'no-flush': false },
      // What a guest trims is free again in Ceph. Zeroes that it writes are data: looking for them costs every write.
      discard: 'unmap',
      'detect-zeroes': 'off',
      file: this.rbd(wanted),
    });
    const seen = await disk.look();
    if (seen === null || (seen.unreadable && refusal !== null)) throw notDone('open the image', refusal);
    if (seen.unreadable) {
      const { pool, image } = wanted;
      return { pool, image, sizeBytes: await this.access.imageBytes(wanted, disk.signal) };
    }
    expectSameImage(wanted, seen);
    return this.grow(disk, wanted.sizeGib, seen);
  }

  private async grow(disk: Disk, sizeGib: number, seen: NodeSeen): Promise<NodeSeen> {
    if (seen.sizeBytes >= sizeGib * GIB) return seen;
    const bytes = await this.access.imageBytes(seen, disk.signal);
    if (bytes < sizeGib * GIB) {
      const message = `the image has ${bytes} bytes, fewer than the ${sizeGib} GiB that the VM is to see`;
      throw new RejectedError(message, { reason: 'image-smaller' });
    }
    const refusal = await disk.change('block_resize', { 'node-name': disk.name, size: bytes });
    const grown = await disk.look();
    if (grown !== null && grown.sizeBytes >= sizeGib * GIB) return grown;
    if (refusal === null || grown === null) throw notDone('grow a node', refusal);
    // Ceph has just told us the size, so it is this node that can do nothing with its image any more.
    const message = 'The VM’s connection to the volume is broken: detach the volume, and attach it again.';
    throw new RejectedError(message, { reason: 'node-dead', cause: refusal });
  }

  private async remove(disk: Disk): Promise<Applied> {
    if ((await disk.look()) === null) return UNPROVEN;
    if ((await disk.disks()).some(({ seen }) => seen.node === disk.name)) {
      throw new BusyError('a device still uses the node', { reason: 'node-in-use' });
    }
    const refusal = await disk.change('blockdev-del', { 'node-name': disk.name });
    if ((await disk.look()) !== null) throw notDone('close the image', refusal);
    return refusal === null ? { seen: null } : UNPROVEN;
  }

  private rbd({ pool, image }: Image) {
    const { conf, user } = this.access;
    return { driver: 'rbd', pool, image, conf, user };
  }

  private at<T>(
    place: Place,
    signal: AbortSignal,
    what: string,
    call: (disk: Disk) => Promise<T>,
    dead: (error: VmDead) => T,
  ): Promise<T> {
    return this.vms.open.run({ key: place.key, what, signal }, async () => {
      const { vm, name } = diskAt(place, this.vms.host);
      return unlessDead(
        call(diskOf(await this.vms.find(vm, signal), { key: place.key, name }, signal)),
        dead,
      );
    });
  }
}

type Disk = ReturnType<typeof diskOf>;

/** One node of one VM, during one call. */
function diskOf(vm: Vm, { key, name }: { key: string; name: string }, signal: AbortSignal) {
  const images = () => vm.images(signal);
  return {
    name,
    signal,
    images,
    disks: () => vm.disks(signal),
    look: async () => {
      const found = (await images()).find((image) => image.name === name);
      return found === undefined ? null : seenOf(found);
    },
    change: (command: string, args: object) => vm.change(key, { name: command, args }, signal),
  };
}

function seenOf({ pool, image, sizeBytes, unreadable }: OpenImage): NodeSeen {
  return { pool, image, sizeBytes, ...(unreadable ? { unreadable } : {}) };
}

function isSameImage(one: Image, other: Image): boolean {
  return one.pool === other.pool && one.image === other.image;
}

function expectSameImage(wanted: Image, seen: NodeSeen): void {
  if (isSameImage(wanted, seen)) return;
  throw new InvariantError(`the node is of another image, ${seen.pool}/${seen.image}`, {
    reason: 'stranger',
  });
}

/** QEMU said that it did it and it is not so, or it refused. */
function notDone(what: string, refusal: QmpRefusal | null): Error {
  if (refusal !== null) return refused(what, refusal);
  return new BusyError(`QEMU agreed to ${what}, but it is not so`, { reason: 'qmp-not-done' });
}
