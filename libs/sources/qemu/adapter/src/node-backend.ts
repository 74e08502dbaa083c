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
 * Therefore the image is opened once more, read-only, to learn its true size, and that is what the node is set to.
 *
 * Removed by `blockdev-del`, which flushes, once the device is gone.
 */
import { InvariantError, RejectedError, TransientError } from '@plumbline/domain';
import type { Applied, Backend, Change, Json, Place } from '@plumbline/domain';
import { qemuNode } from '@plumbline/qemu-facets';
import type { NodeSeen, NodeWant } from '@plumbline/qemu-facets';
import { refused } from './errors.js';
import type { QmpRefusal } from './errors.js';
import { isProbe, probeNameOf } from './open-images.js';
import type { OpenImage } from './open-images.js';
import { diskAt, wantedOf } from './place.js';
import { listingOf } from './listing.js';
import type { Vm } from './vm.js';
import type { Vms } from './vms.js';

export interface ImageAccess {
  /** Path of the configuration file that QEMU reads. */
  readonly conf: string;
  /** The cephx user without `client.`. */
  readonly user: string;
}

const GIB = 1024 ** 3;

type Image = Pick<OpenImage, 'pool' | 'image'>;

export class NodeBackend implements Backend {
  readonly facet = qemuNode;

  constructor(
    private readonly vms: Vms,
    private readonly access: ImageAccess,
  ) {}

  observe(place: Place, signal: AbortSignal): Promise<Json> {
    return this.at(place, signal, 'look at a node', ({ look }) => look());
  }

  list(signal: AbortSignal): AsyncIterable<Place & { readonly seen: Json }> {
    return listingOf(this.vms, qemuNode, signal, async (vm) =>
      (await vm.images(signal))
        .filter(({ name }) => !isProbe(name))
        .map((image) => ({ name: image.name, seen: seenOf(image) })),
    );
  }

  apply(place: Place, { want }: Change, signal: AbortSignal): Promise<Applied> {
    return this.at(place, signal, 'change a node', async (disk) => {
      const wanted = wantedOf(qemuNode, want);
      const seen = await disk.look();
      return { seen: await this.make(disk, wanted, seen) };
    });
  }

  /** A node that stood before stays: what it shows more is the image's size, and sizes do not shrink. */
  undo(place: Place, { want, before }: Change, signal: AbortSignal): Promise<Applied> {
    return this.at(place, signal, 'take back a node', async (disk) => {
      const wanted = wantedOf(qemuNode, want);
      const seen = await disk.look();
      if (seen === null || before !== null || wanted === null || !('pool' in wanted)) return { seen };
      expectSameImage(wanted, seen);
      return { seen: await this.remove(disk) };
    });
  }

  idle(place: Place): Promise<void> {
    return this.vms.open.idle(place.key);
  }

  private make(disk: Disk, wanted: NodeWant | null, seen: NodeSeen | null): Promise<NodeSeen | null> {
    if (wanted === null) return this.remove(disk);
    if (!('pool' in wanted))
      return seen === null ? Promise.resolve(null) : this.grow(disk, wanted.grownToGib, seen);
    if (seen === null) return this.add(disk, wanted);
    expectSameImage(wanted, seen);
    return this.grow(disk, wanted.sizeGib, seen);
  }

  private async add(disk: Disk, wanted: Image & { sizeGib: number }): Promise<NodeSeen> {
    const again = (await disk.images()).find(
      (other) => other.name !== disk.probe && isSameImage(other, wanted),
    );
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
    if (seen === null) throw notDone('open the image', refusal);
    expectSameImage(wanted, seen);
    return this.grow(disk, wanted.sizeGib, seen);
  }

  private async grow(disk: Disk, sizeGib: number, seen: NodeSeen): Promise<NodeSeen> {
    if (seen.sizeBytes >= sizeGib * GIB) return seen;
    const bytes = await this.imageBytes(disk, seen);
    if (bytes < sizeGib * GIB) {
      const message = `the image has ${bytes} bytes, fewer than the ${sizeGib} GiB that the VM is to see`;
      throw new RejectedError(message, { reason: 'image-smaller' });
    }
    const refusal = await disk.change('block_resize', { 'node-name': disk.name, size: bytes });
    const grown = await disk.look();
    if (grown === null || grown.sizeBytes < sizeGib * GIB) throw notDone('grow a node', refusal);
    return grown;
  }

  private async imageBytes(disk: Disk, image: Image): Promise<number> {
    await this.removeProbe(disk);
    const args = { ...this.rbd(image), 'node-name': disk.probe, 'read-only': true };
    const refusal = await disk.change('blockdev-add', args);
    const probe = (await disk.images()).find(({ name }) => name === disk.probe);
    if (probe === undefined) throw notDone('look at the size of the image', refusal);
    await this.removeProbe(disk);
    return probe.sizeBytes;
  }

  /** Left over by who died while looking. */
  private async removeProbe(disk: Disk): Promise<void> {
    const isThere = (await disk.images()).some(({ name }) => name === disk.probe);
    if (isThere) await disk.change('blockdev-del', { 'node-name': disk.probe });
  }

  private async remove(disk: Disk): Promise<null> {
    await this.removeProbe(disk);
    if ((await disk.look()) === null) return null;
    if ((await disk.disks()).some(({ seen }) => seen.node === disk.name)) {
      throw new TransientError('a device still uses the node', { reason: 'node-in-use' });
    }
    const refusal = await disk.change('blockdev-del', { 'node-name': disk.name });
    if ((await disk.look()) !== null) throw notDone('close the image', refusal);
    return null;
  }

  private rbd({ pool, image }: Image) {
    return { driver: 'rbd', pool, image, ...this.access };
  }

  private at<T>(
    place: Place,
    signal: AbortSignal,
    what: string,
    call: (disk: Disk) => Promise<T>,
  ): Promise<T> {
    return this.vms.open.run({ key: place.key, what, signal }, async () => {
      const { vm, name } = diskAt(place, this.vms.host);
      return call(diskOf(await this.vms.find(vm, signal), { key: place.key, name }, signal));
    });
  }
}

type Disk = ReturnType<typeof diskOf>;

/** One node of one VM, during one call. */
function diskOf(vm: Vm, { key, name }: { key: string; name: string }, signal: AbortSignal) {
  const images = () => vm.images(signal);
  return {
    name,
    probe: probeNameOf(name),
    images,
    disks: () => vm.disks(signal),
    look: async () => {
      const found = (await images()).find((image) => image.name === name);
      return found === undefined ? null : seenOf(found);
    },
    change: (command: string, args: object) => vm.change(key, { name: command, args }, signal),
  };
}

function seenOf({ pool, image, sizeBytes }: OpenImage): NodeSeen {
  return { pool, image, sizeBytes };
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
  return new TransientError(`QEMU agreed to ${what}, but it is not so`, { reason: 'qmp-not-done' });
}
