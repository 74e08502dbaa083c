import { GIB, cephImage, cephWatch } from '@plumbline/ceph-facets';
import type { ImageSeen, ImageWant, WatchSeen, WatchWant } from '@plumbline/ceph-facets';
import { BusyError, InvariantError, RejectedError } from '@plumbline/domain';
import type { Backend, FacetName, Place, Source } from '@plumbline/domain';
import type { ProcessClient, StoredImage } from './ceph.js';
import { Hands } from './hands.js';
import type { Call, Protocol } from './hands.js';
import type { SimulatedProcess } from './process.js';
import { isInternal } from './scrubbing.js';
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

/** The scrubber's eyes. */
export function cephSources(
  world: World,
  process: SimulatedProcess,
  client: ProcessClient,
): readonly Source[] {
  const image = new ImageProtocol(world, client);
  const { facet } = image;
  const source = new Hands(world, process).sourceOf({ facet, look: (call) => image.look(call) });
  const confirm: Source['confirm'] = (place, want) => image.confirm(place, want as ImageWant);
  return [{ ...source, confirm }];
}

class ImageProtocol implements Protocol<ImageWant, ImageSeen> {
  readonly facet = cephImage;

  constructor(
    private readonly world: World,
    private readonly client: ProcessClient,
  ) {}

  pointOf({ want, before }: { want: unknown; before: unknown }, undoes: boolean) {
    if (want === null && !undoes) return 'image-purge';
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
    if (want === null) return await this.purge(call, before);
    if ('trashed' in want) return await this.moveToTrash(call, before);
    if ('restored' in want) return await this.restore(call, want);
    if ('adoptedFrom' in want) return await this.adopt(call, want);
    if ('releasedAs' in want) {
      const [from, to] = [call.place.key, siblingOf(call, want.releasedAs)];
      await this.rename(call, { from, to, imageId: want.imageId });
      return await this.look(call);
    }
    if (before?.state === 'open') return await this.grow(call, want.sizeGib * GIB, before);
    return await this.build(call, want.sizeGib * GIB, before);
  }

  async undo(call: Call, want: ImageWant | null, before: ImageSeen | null): Promise<ImageSeen | null> {
    if (want !== null && 'adoptedFrom' in want) {
      const [from, to] = [call.place.key, siblingOf(call, want.adoptedFrom)];
      await this.rename(call, { from, to, imageId: want.imageId });
      return await this.look(call);
    }
    if (want !== null && 'restored' in want) return await this.look(call);
    return before?.state === 'open' ? await this.look(call) : await this.moveToTrash(call, null);
  }

  list() {
    return [...this.world.ceph.images].sort(([one], [other]) => (one < other ? -1 : 1));
  }

  private async build(call: Call, bytes: number, before: ImageSeen | null): Promise<ImageSeen> {
    for (let builds = 0; builds < BUILDS_MAX; builds += 1) {
      // What was in the trash before is wanted back, not made anew.
      const made = before?.state === 'trashed' ? null : await this.create(call, bytes);
      const seen = made ?? (await this.look(call));
      if (seen?.state === 'open') return seen.sizeBytes >= bytes ? seen : await this.grow(call, bytes, seen);
      if (seen?.state === 'trashed') await this.takeBack(call, seen.imageId);
      if (seen?.state === 'half-made') await this.clear(call, seen);
      // What has a header was whole once, and is full of somebody's bytes.
      if (seen?.state === 'half-made' && seen.sizeBytes > 0) await this.takeBack(call, seen.imageId);
    }
    throw new BusyError('the image keeps changing under us', { reason: 'ceph-contended' });
  }

  /** By the internal id, as the real one looks for what its name does not lead to. */
  async confirm({ key }: Place, want: ImageWant): Promise<ImageSeen | null> {
    const { imageId } = want;
    const look = { key, what: 'looks by the id', attempt: 0, changes: false, fault: null };
    const serve = () => (imageId === undefined ? null : this.world.ceph.elsewhere(imageId));
    return await this.client.operate({ ...look, serve });
  }

  /** By the internal id: another's image of that name is neither taken back nor touched. */
  private async restore(call: Call, { from, imageId }: Restored): Promise<ImageSeen | null> {
    const seen = await this.look(call);
    if (seen?.state === 'trashed' && seen.imageId === imageId) await this.takeBack(call, imageId);
    if (from !== undefined && (seen === null || seen.state === 'half-made')) {
      const isKnown = await this.operate(call, 'looks by the id', false, () =>
        this.world.ceph.elsewhere(imageId),
      );
      if (isKnown === null) throw new InvariantError('the image is nowhere', { reason: 'image-missing' });
      await this.rename(call, { from: siblingOf(call, from), to: call.place.key, imageId });
    }
    return await this.look(call);
  }

  private async adopt(call: Call, { adoptedFrom, imageId, sizeGib }: Adopted): Promise<ImageSeen | null> {
    const { ceph } = this.world;
    const from = siblingOf(call, adoptedFrom);
    if ((await this.look(call)) === null) {
      const seen = await this.operate(call, 'looks at what is to be adopted', false, () => ({
        image: ceph.images.get(from),
        watching: ceph.watching(from),
      }));
      if (seen.image?.imageId !== imageId || seen.image.sizeBytes < sizeGib * GIB)
        throw new RejectedError('it is not the image that was to be adopted', { reason: 'ceph-missing' });
      if (seen.watching.length > 0) throw new BusyError('the image is still in use', { reason: 'stranger' });
    }
    await this.rename(call, { from, to: call.place.key, imageId });
    return await this.look(call);
  }

  /** First it is listed under the other name, where it cannot be opened; then it opens there. */
  private async rename(
    call: Call,
    { from, to, imageId }: { from: string; to: string; imageId: string },
  ): Promise<void> {
    const { ceph, faults } = this.world;
    await this.operate(call, 'lists it under another name', true, () => {
      const image = ceph.images.get(from);
      if (image?.imageId !== imageId) return;
      if (ceph.images.has(to))
        throw new InvariantError('the name is another image’s', { reason: 'stranger' });
      ceph.rename(from, to);
      ceph.put(to, { ...image, state: 'half-made' });
    });
    await this.operate(call, 'lets the name lead to it', true, () => {
      const image = ceph.images.get(to);
      if (image?.imageId !== imageId) return;
      faults.see('name-given');
      ceph.put(to, { ...image, state: 'open' });
    });
  }

  /** First the name, where it is free; then the note in the trash goes. */
  private async takeBack(call: Call, imageId: string): Promise<void> {
    const { ceph, faults } = this.world;
    const { key } = call.place;
    await this.operate(call, 'gives a name back', true, () => {
      const trashed = ceph.trash.get(key);
      if (ceph.images.has(key) || trashed?.imageId !== imageId) return;
      faults.see('image-restored');
      ceph.put(key, { ...trashed, state: 'open' });
    });
    await this.operate(call, 'clears the trash', true, () => {
      if (ceph.images.get(key)?.imageId === imageId) ceph.trash.delete(key);
    });
  }

  /** For good, and only from the trash. */
  private async purge(call: Call, before: ImageSeen | null): Promise<null> {
    const { ceph } = this.world;
    const { key } = call.place;
    const seen = await this.look(call);
    if (seen === null) return null;
    expectSameImage(before, seen);
    if (seen.state !== 'trashed')
      throw new RejectedError('the image is not in the trash', { reason: 'ceph-not-in-trash' });
    await this.operate(call, 'removes from the trash', true, () => {
      if (ceph.trash.get(key)?.imageId !== seen.imageId) return;
      this.expectUnnamed(key, seen.imageId);
      ceph.trash.delete(key);
      ceph.purged(key);
    });
    return null;
  }

  /** First the name, which is refused where it is taken; then what it stands for. Null: it was taken. */
  private async create(call: Call, sizeBytes: number): Promise<ImageSeen | null> {
    const { ceph } = this.world;
    const { key } = call.place;
    const imageId = ceph.newImageId();
    const isNew = await this.operate(call, 'takes a name', true, () => {
      if (ceph.images.has(key)) return false;
      this.expectNoRepair(key);
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
  private async grow(call: Call, bytes: number, was: ImageSeen): Promise<ImageSeen> {
    const { ceph } = this.world;
    const { key } = call.place;
    const before = await this.look(call);
    if (before?.state !== 'open')
      throw new RejectedError('there is no image to grow', { reason: 'ceph-missing' });
    expectSameImage(was, before);
    if (before.sizeBytes >= bytes) return before;
    return await this.operate(call, 'sets a size', true, () => {
      const image = ceph.images.get(key);
      if (image !== undefined) ceph.put(key, { ...image, sizeBytes: bytes });
      return { ...before, sizeBytes: bytes };
    });
  }

  private async moveToTrash(call: Call, before: ImageSeen | null): Promise<ImageSeen | null> {
    const { ceph } = this.world;
    const { key } = call.place;
    const seen = await this.operate(call, 'looks', false, () => ({
      image: ceph.seen(key),
      watching: ceph.watching(key),
    }));
    const { image } = seen;
    if (image === null || image.state === 'trashed') return image;
    if (image.state === 'open') expectSameImage(before, image);
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
      this.expectUnnamed(key, imageId);
      ceph.toTrash(key, { imageId, sizeBytes, state: 'open' });
      ceph.put(key, { imageId, sizeBytes, state: 'half-made' });
    });
    return await this.operate(call, 'takes away a name', true, () => {
      if (isOurs()) ceph.put(key, null);
      return ceph.seen(key);
    });
  }

  /** V3: whatever was done to it by hand. */
  private expectUnnamed(key: string, imageId: string): void {
    const resource = `volume/${this.world.volumeOf(key)}`;
    if (this.world.register.records.get(resource)?.imageId === imageId)
      this.world.mistake('V3', 'the image that a record names is taken away', resource);
  }

  /** A3: a customer would be handed an empty disk for a full one. */
  private expectNoRepair(key: string): void {
    const resource = `volume/${this.world.volumeOf(key)}`;
    const kind = this.world.register.lanes.get(resource)?.entries[0]?.kind;
    if (kind !== undefined && isInternal(this.world, kind))
      this.world.mistake('A3', `${kind} makes an image`, resource);
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

type Adopted = Extract<ImageWant, { adoptedFrom: string }>;
type Restored = Extract<ImageWant, { restored: true }>;

function siblingOf({ place: { key } }: Call, name: string): string {
  return `${key.slice(0, key.indexOf('/'))}/${name}`;
}

/** Names are never used twice, so another internal id under the same name is a stranger's image. */
function expectSameImage(before: ImageSeen | null, { imageId }: ImageSeen): void {
  if (before === null || before.state === 'half-made' || before.imageId === imageId) return;
  throw new InvariantError('another image stands under the name of ours', { reason: 'stranger' });
}
