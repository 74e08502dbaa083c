/**
 * The facet `ceph.image`. What is created in which order, and why it may be repeated:
 *
 * - A build is one `rbd create`. When the name is taken, what has it is looked at: a whole image is that of an earlier
 *   attempt, for nobody else makes images of this name, and is grown if it is too small; a half-made one is removed and
 *   made anew. Growing reads the size within the same opening and never shrinks.
 * - A removal is a move to the trash. Nothing is moved that anybody but ourselves still watches: the move itself would
 *   succeed under a running VM. The watch of a boot that is condemned is ended by its fence, and not waited for. A half-made image is removed at once, for nothing was ever in it. An interrupted move
 *   looks half-made too, but still has its header, and is finished instead.
 * - A stranger's image becomes ours, and ours nobody's, by its name alone (`rename.ts`), and is told by its internal id: what
 *   is adopted and undone has its old name again, and is never removed.
 * - Only a purge removes data, and only from the trash.
 */
import { BusyError, InvariantError, RejectedError } from '@plumbline/domain';
import type { AnyFacet, Applied, Backend, Change, Json, Place } from '@plumbline/domain';
import { GIB, cephImage } from '@plumbline/ceph-facets';
import type { ImageSeen, ImageWant } from '@plumbline/ceph-facets';
import type { Turn } from './call-gate.js';
import type { AddressOwner } from './connect.js';
import { listImages } from './image-listing.js';
import type { Pools } from './pools.js';
import { lookAt } from './look.js';
import type { Pool } from './pool.js';
import { arrive, leave, lookById } from './rename.js';

/** A half-made image is removed and made anew; one that is half-made once more has another maker. */
const BUILDS_MAX = 3;

/** Made once: making a schema costs more than using it. */
const wanted = cephImage.want.nullable();
const seenOrGone = cephImage.seen.nullable();

export interface ImageSettings {
  /** librbd's feature bits for new images. */
  readonly features: number;
  /** For so long nobody can purge the trash by accident. */
  readonly trashDelaySeconds: number;
  /** Living boots open images in passing, which does not count; a dead boot's watch lingers until it is fenced. */
  ownerOf(address: string): AddressOwner;
  /** Keeps a client from ever writing again, and waits until that is so. */
  fence(turn: Turn, address: string): Promise<void>;
  /** Those of these clients that are not fenced. */
  exceptFenced(turn: Turn, addresses: readonly string[]): Promise<readonly string[]>;
}

export class ImageBackend implements Backend {
  readonly facet: AnyFacet = cephImage;

  constructor(
    private readonly pools: Pools,
    private readonly settings: ImageSettings,
  ) {}

  observe(place: Place, signal: AbortSignal): Promise<Json> {
    return this.pools.run(place, 'look at image', signal, (turn, { pool, image }) =>
      lookAt(turn, pool, image),
    );
  }

  /** By the internal id: people rename images, and move them to the trash. */
  async confirm(place: Place, want: Json, signal: AbortSignal): Promise<Json> {
    const { imageId } = wanted.parse(want) ?? {};
    if (imageId === undefined) return null;
    return await this.pools.run(place, 'look for image', signal, async (turn, { pool, image }) => {
      const found = await lookById(turn, pool, imageId);
      // It came back to its own name since that was looked at.
      return found?.name === image ? await lookAt(turn, pool, image) : found;
    });
  }

  list(signal: AbortSignal) {
    return listImages(this.pools, signal);
  }

  apply(place: Place, change: Change, signal: AbortSignal): Promise<Applied> {
    const want = wanted.parse(change.want);
    const before = seenBefore(change);
    return this.pools.run(place, 'change image', signal, async (turn, { pool, image }) => ({
      seen: await this.reach(turn, { pool, image, want, before }),
    }));
  }

  /** A new image goes to the trash, as any removal; a grown image stays grown, and one that is back stays: a record names it. */
  undo(place: Place, change: Change, signal: AbortSignal): Promise<Applied> {
    const [want, before] = [wanted.parse(change.want), seenBefore(change)];
    if (want !== null && 'adoptedFrom' in want)
      return this.pools.run(place, 'give back image', signal, async (turn, at) => ({
        seen: await giveBack(turn, at, want),
      }));
    const stays = before?.state === 'open' || (want !== null && 'restored' in want);
    return this.pools.run(place, 'take back image', signal, async (turn, { pool, image }) => ({
      seen: stays
        ? await lookAt(turn, pool, image)
        : await this.moveToTrash(turn, { pool, image, before: null }),
    }));
  }

  idle(place: Place): Promise<void> {
    return this.pools.idle(place);
  }

  private reach(turn: Turn, at: At & { want: ImageWant | null }): Promise<ImageSeen | null> {
    if (at.want === null) return this.purge(turn, at);
    if ('trashed' in at.want) return this.moveToTrash(turn, at);
    if ('restored' in at.want) return restore(turn, at, at.want);
    if ('adoptedFrom' in at.want) return this.adopt(turn, at, at.want);
    if ('releasedAs' in at.want) return release(turn, at, at.want);
    const bytes = at.want.sizeGib * GIB;
    return at.before?.state === 'open' ? this.grow(turn, at, bytes) : this.build(turn, at, bytes);
  }

  /** Looked at once more before its name is taken: it must still be what was adopted, and nobody's who has it open. */
  private async adopt(turn: Turn, { pool, image }: At, want: Adopted): Promise<ImageSeen | null> {
    const { adoptedFrom: from, imageId, sizeGib } = want;
    if ((await lookAt(turn, pool, image)) === null) {
      const opened = await pool.look(turn, from);
      if (opened === null || opened.imageId !== imageId || opened.sizeBytes < sizeGib * GIB)
        throw notAsAsked(pool, from);
      await this.expectUnwatched(turn, { pool, image: from }, opened.watchers);
    }
    if ((await arrive(turn, pool, { from, to: image, imageId })) === 'missing') throw notAsAsked(pool, from);
    return lookAt(turn, pool, image);
  }

  private async build(turn: Turn, at: At, bytes: number): Promise<ImageSeen> {
    const { pool, image } = at;
    for (let builds = 0; builds < BUILDS_MAX; builds += 1) {
      const seen = await this.createOrLook(turn, at, bytes);
      if (seen?.state === 'open')
        return seen.sizeBytes >= bytes ? seen : this.grow(turn, { ...at, before: seen }, bytes);
      if (seen?.state === 'trashed') await pool.restoreFromTrash(turn, seen.imageId, image);
      if (seen?.state === 'half-made') await this.clearHalfMade(turn, at, seen);
      // What has a header is full of somebody's bytes: once it is whole in the trash it comes back, and is not made anew.
      if (seen?.state === 'half-made' && seen.sizeBytes > 0)
        await pool.restoreFromTrash(turn, seen.imageId, image);
    }
    throw new BusyError(`image ${pool.name}/${image} keeps changing under us`, {
      reason: 'ceph-contended',
    });
  }

  /** What was found where the name was taken, or what was made. */
  private async createOrLook(
    turn: Turn,
    { pool, image, before }: At,
    bytes: number,
  ): Promise<ImageSeen | null> {
    // What was in the trash before is wanted back, not made anew.
    if (before?.state === 'trashed') return lookAt(turn, pool, image);
    const { features } = this.settings;
    if ((await pool.create(turn, image, { bytes, features })) === 'exists') return lookAt(turn, pool, image);
    const imageId = await pool.idOf(turn, image);
    return imageId === null ? lookAt(turn, pool, image) : { imageId, sizeBytes: bytes, state: 'open' };
  }

  private async grow(turn: Turn, { pool, image, before }: At, bytes: number): Promise<ImageSeen> {
    const imageId = await pool.idOf(turn, image);
    expectSameImage(before, imageId);
    // An image that is gone is never made anew here: that would hand out an empty disk for a full one.
    if (imageId === null) {
      throw new RejectedError(`there is no image ${pool.name}/${image} to grow`, { reason: 'ceph-missing' });
    }
    return { imageId, sizeBytes: await pool.grow(turn, image, bytes), state: 'open' };
  }

  private async moveToTrash(turn: Turn, at: At): Promise<ImageSeen | null> {
    const { pool, image, before } = at;
    const opened = await pool.look(turn, image);
    if (opened !== null) {
      expectSameImage(before, opened.imageId);
      await this.expectUnwatched(turn, at, opened.watchers);
      const { imageId, sizeBytes } = opened;
      const outcome = await pool.moveToTrash(turn, image, this.settings.trashDelaySeconds);
      return outcome === 'moved' ? { imageId, sizeBytes, state: 'trashed' } : lookAt(turn, pool, image);
    }
    const seen = await lookAt(turn, pool, image);
    if (seen?.state !== 'half-made') return seen;
    await this.clearHalfMade(turn, at, seen);
    return lookAt(turn, pool, image);
  }

  /**
   * Nothing is taken from under anybody. What a VM's client has open goes when the VM is done with it or is fenced, and so
   * may a stranger's; who stays for too long is one whom only a person can judge.
   */
  private async expectUnwatched(
    turn: Turn,
    { pool, image }: Pick<At, 'pool' | 'image'>,
    watchers: readonly string[],
  ): Promise<void> {
    const owners = watchers.map((address) => ({ address, owner: this.settings.ownerOf(address) }));
    const strangers = owners.filter(({ owner }) => owner === 'nobody-known').map(({ address }) => address);
    const [stranger] = await this.settings.exceptFenced(turn, strangers);
    if (stranger !== undefined) {
      const message = `image ${pool.name}/${image} is still in use by ${stranger}`;
      throw new BusyError(message, { reason: 'stranger' });
    }
    for (const { address, owner } of owners)
      if (owner === 'condemned-boot') await this.settings.fence(turn, address);
  }

  /** A header means that the image was whole: then it is on its way to the trash, and goes there. */
  private async clearHalfMade(turn: Turn, { pool, image }: At, seen: ImageSeen): Promise<void> {
    if (seen.sizeBytes === 0) await pool.removeHalfMade(turn, image);
    else await pool.moveToTrash(turn, image, this.settings.trashDelaySeconds);
  }

  private async purge(turn: Turn, { pool, image, before }: At): Promise<null> {
    const seen = await lookAt(turn, pool, image);
    if (seen === null) return null;
    expectSameImage(before, seen.imageId);
    if (seen.state !== 'trashed' && seen.state !== 'purging') {
      throw new RejectedError(`image ${pool.name}/${image} is not in the trash`, {
        reason: 'ceph-not-in-trash',
      });
    }
    await pool.removeFromTrash(turn, seen.imageId);
    // Also who finds nothing to remove any more may have left the entry in the trash behind.
    const left = await lookAt(turn, pool, image);
    if (left?.imageId === seen.imageId)
      throw new BusyError(`image ${pool.name}/${image} is not yet out of the trash`, {
        reason: 'ceph-contended',
      });
    return null;
  }
}

interface At {
  readonly pool: Pool;
  readonly image: string;
  readonly before: ImageSeen | null;
}

type Adopted = Extract<ImageWant, { adoptedFrom: string }>;
type Released = Extract<ImageWant, { releasedAs: string }>;
type Restored = Extract<ImageWant, { restored: true }>;

function notAsAsked({ name }: Pool, image: string): RejectedError {
  return new RejectedError(`image ${name}/${image} is not the one that was to be adopted`, {
    reason: 'ceph-missing',
  });
}

/** The other way round. Where it is under neither name there is nothing to be given back. */
async function giveBack(
  turn: Turn,
  { pool, image }: Pick<At, 'pool' | 'image'>,
  { adoptedFrom: to, imageId }: Adopted,
): Promise<ImageSeen | null> {
  await leave(turn, pool, { from: image, to, imageId });
  return lookAt(turn, pool, image);
}

async function release(
  turn: Turn,
  { pool, image }: At,
  { releasedAs: to, imageId }: Released,
): Promise<ImageSeen | null> {
  await leave(turn, pool, { from: image, to, imageId });
  return lookAt(turn, pool, image);
}

/** By the internal id: another image of that name in the trash is not ours, and one that stands there is in the way. */
async function restore(
  turn: Turn,
  { pool, image }: At,
  { from, imageId }: Restored,
): Promise<ImageSeen | null> {
  const seen = await lookAt(turn, pool, image);
  if (seen?.state === 'trashed' && seen.imageId === imageId)
    await pool.restoreFromTrash(turn, imageId, image);
  if (from !== undefined && (seen === null || seen.state === 'half-made'))
    await fetch(turn, { pool, image }, { from, imageId });
  return lookAt(turn, pool, image);
}

/** From where it was found; what has got a third name since is found anew. */
async function fetch(
  turn: Turn,
  { pool, image }: Pick<At, 'pool' | 'image'>,
  { from, imageId }: { from: string; imageId: string },
): Promise<void> {
  const found = await lookById(turn, pool, imageId);
  if (found === null)
    throw new InvariantError(`image ${pool.name}/${image} is nowhere`, { reason: 'image-missing' });
  if (found.state === 'trashed') await pool.restoreFromTrash(turn, imageId, image);
  else if (found.state === 'renamed') await arrive(turn, pool, { from, to: image, imageId });
}

function seenBefore(change: Change): ImageSeen | null {
  return seenOrGone.parse(change.before);
}

/** Names are never used twice, so another internal id under the same name is a stranger's image. */
function expectSameImage(before: ImageSeen | null, imageId: string | null): void {
  if (before === null || before.state === 'half-made' || imageId === null || before.imageId === imageId)
    return;
  throw new InvariantError('another image stands under the name of ours', { reason: 'stranger' });
}
