import { GIB, cephImage, cephWatch } from '@plumbline/ceph-facets';
import type { ImageSeen, ImageWant, WatchSeen, WatchWant } from '@plumbline/ceph-facets';
import { BusyError, InvariantError, RejectedError } from '@plumbline/domain';
import type { Backend, FacetName } from '@plumbline/domain';
import type { ProcessClient, StoredImage } from './ceph.js';
import { Hands } from './hands.js';
import type { Call, Protocol } from './hands.js';
import type { SimulatedProcess } from './process.js';
import type { World } from './world.js';

const BUILDS_MAX = 3;

/** A ceph-worker's hands: what the adapter does, in the operations that RADOS carries out one by one. */
export function cephHands(
  world: World,
  process: SimulatedProcess,
  client: ProcessClient,
): ReadonlyMap<FacetName, Backend> {
  const hands = new Hands(world, process);
  return new Map([
    hands.backendOf(new ImageProtocol(world, client)),
    hands.backendOf(new WatchProtocol(world, client)),
  ]);
}

class ImageProtocol implements Protocol<ImageWant, ImageSeen> {
  readonly facet = cephImage;

  constructor(
    private readonly world: World,
    private readonly client: ProcessClient,
  ) {}

  pointOf({ want, before }: { want: unknown; before: unknown }, undoes: boolean) {
    if (undoes || want === null || 'trashed' in (want as object)) return 'image-trash';
    return (before as ImageSeen | null)?.state === 'open' ? 'image-grow' : 'image-create';
  }

  look(call: Call): Promise<ImageSeen | null> {
    const { ceph, faults } = this.world;
    return this.operate(call, 'looks', false, () => {
      const seen = ceph.seen(call.place.key);
      if (seen?.state === 'half-made') faults.see('image-half-made');
      return seen;
    });
  }

  async apply(call: Call, want: ImageWant | null, before: ImageSeen | null): Promise<ImageSeen | null> {
    if (want === null) throw new InvariantError('nothing is purged here', { reason: 'purge' });
    if ('trashed' in want) return await this.moveToTrash(call);
    if (before?.state === 'open') return await this.grow(call, want.sizeGib * GIB);
    return await this.build(call, want.sizeGib * GIB);
  }

  async undo(call: Call, _want: ImageWant | null, before: ImageSeen | null): Promise<ImageSeen | null> {
    return before?.state === 'open' ? await this.look(call) : await this.moveToTrash(call);
  }

  list() {
    return [...this.world.ceph.images].sort(([one], [other]) => (one < other ? -1 : 1));
  }

  private async build(call: Call, bytes: number): Promise<ImageSeen> {
    for (let builds = 0; builds < BUILDS_MAX; builds += 1) {
      const seen = (await this.create(call, bytes)) ?? (await this.look(call));
      if (seen?.state === 'open') return seen.sizeBytes >= bytes ? seen : await this.grow(call, bytes);
      if (seen?.state === 'half-made') await this.clear(call, seen);
    }
    throw new BusyError('the image keeps changing under us', { reason: 'ceph-contended' });
  }

  /** First the name, which is refused where it is taken; then what it stands for. Null: it was taken. */
  private async create(call: Call, sizeBytes: number): Promise<ImageSeen | null> {
    const { ceph } = this.world;
    const { key } = call.place;
    const imageId = ceph.newImageId();
    const isNew = await this.operate(call, 'takes a name', true, () => {
      if (ceph.images.has(key)) return false;
      ceph.put(key, { imageId, sizeBytes: 0, state: 'half-made' });
      return true;
    });
    if (!isNew) return null;
    return await this.operate(call, 'makes a header', true, () => {
      const made: StoredImage = { imageId, sizeBytes, state: 'open' };
      // Somebody may have cleared away what was half-made: then the header belongs to nothing that can be seen.
      if (ceph.images.get(key)?.imageId === imageId) ceph.put(key, made);
      return made;
    });
  }

  /** What librbd does: it reads the size, and then sets another one. */
  private async grow(call: Call, bytes: number): Promise<ImageSeen> {
    const { ceph } = this.world;
    const { key } = call.place;
    const before = await this.look(call);
    if (before?.state !== 'open')
      throw new RejectedError('there is no image to grow', { reason: 'ceph-missing' });
    if (before.sizeBytes >= bytes) return before;
    return await this.operate(call, 'sets a size', true, () => {
      const image = ceph.images.get(key);
      if (image !== undefined) ceph.put(key, { ...image, sizeBytes: bytes });
      return { ...before, sizeBytes: bytes };
    });
  }

  private async moveToTrash(call: Call): Promise<ImageSeen | null> {
    const { ceph } = this.world;
    const { key } = call.place;
    const seen = await this.operate(call, 'looks', false, () => ({
      image: ceph.seen(key),
      watching: ceph.watching(key),
    }));
    const { image } = seen;
    if (image === null || image.state === 'trashed') return image;
    if (seen.watching.length > 0) throw new BusyError('the image is still in use', { reason: 'stranger' });
    return await this.clear(call, image);
  }

  /** Without a header nothing was ever in it, and it is removed; else it goes to the trash, in two operations. */
  private async clear(call: Call, { imageId, sizeBytes }: ImageSeen): Promise<ImageSeen | null> {
    const { ceph } = this.world;
    const { key } = call.place;
    const isOurs = (): boolean => ceph.images.get(key)?.imageId === imageId;
    if (sizeBytes === 0)
      return await this.operate(call, 'removes what is half-made', true, () => {
        if (isOurs()) ceph.put(key, null);
        return null;
      });
    await this.operate(call, 'notes in the trash', true, () => {
      if (!isOurs()) return;
      ceph.toTrash(key, { imageId, sizeBytes, state: 'open' });
      ceph.put(key, { imageId, sizeBytes, state: 'half-made' });
    });
    return await this.operate(call, 'takes away a name', true, () => {
      if (isOurs()) ceph.put(key, null);
      return ceph.seen(key);
    });
  }

  private operate<T>(call: Call, what: string, changes: boolean, serve: () => T): Promise<T> {
    const { attempt, place } = call;
    return this.client.operate({ key: place.key, attempt, what, changes, fault: call.fault(changes), serve });
  }
}

class WatchProtocol implements Protocol<WatchWant, WatchSeen> {
  readonly facet = cephWatch;

  constructor(
    private readonly world: World,
    private readonly client: ProcessClient,
  ) {}

  pointOf() {
    return 'look' as const;
  }

  look(call: Call): Promise<WatchSeen | null> {
    const { ceph } = this.world;
    const { key } = call.place;
    return this.client.operate({
      key,
      what: 'lists the watchers',
      attempt: call.attempt,
      changes: false,
      fault: call.fault(false),
      serve: () => (ceph.images.has(key) ? { addresses: [...ceph.watching(key)].sort() } : null),
    });
  }

  apply(): Promise<never> {
    return Promise.reject(new InvariantError('a watch is not ours to change', { reason: 'ceph-watch' }));
  }

  undo(): Promise<never> {
    return this.apply();
  }

  list() {
    return [];
  }
}
