import { defineFacet, fact, imageNameOf, poolOf, volumeIdOfImage } from '@plumbline/domain';
import type { Finding, Json, RegionSlug, VolumeId } from '@plumbline/domain';
import { z } from 'zod';

export const GIB = 1024 ** 3;

/** librbd's internal id, once a record names it: another image under the same name is a stranger's. */
const imageId = z.string().exactOptional();

const imageWant = z.union([
  /** Opens under its volume's name, no longer under the one that it was made under; undone, it has that one again. */
  z.object({ adoptedFrom: z.string(), imageId: z.string(), sizeGib: z.number().int().positive() }),
  /** Has left its volume's name for that one. */
  z.object({ releasedAs: z.string(), imageId: z.string() }),
  /** Opens, and is at least that big: sizes never shrink, and a grown image stays grown. */
  z.object({ sizeGib: z.number().int().positive(), imageId }),
  z.object({ trashed: z.literal(true), imageId }),
  /**
   * Is back from the trash, at whatever size it was: never made, and never grown. `from`: it was found by its internal id,
   * under that name or in the trash, and is looked for there.
   */
  z.object({ restored: z.literal(true), imageId: z.string(), from: z.string().exactOptional() }),
]);
export type ImageWant = z.infer<typeof imageWant>;

const imageSeen = z.object({
  /** librbd's internal id. */
  imageId: z.string(),
  sizeBytes: z.number(),
  /**
   * `half-made`: listed but cannot be opened. With `sizeBytes` 0 a client died within `rbd create`, and nothing was ever in
   * it; else one died within a move to the trash, and everything still is. `purging`: its removal from the trash has begun,
   * and cannot but go on. `renamed`: its volume's name stands for nothing, and by its internal id it is found under another.
   */
  state: z.enum(['open', 'half-made', 'trashed', 'purging', 'renamed']),
  /** Its name, where it was found by its internal id. */
  name: z.string().exactOptional(),
});
export type ImageSeen = z.infer<typeof imageSeen>;

/** An RBD image. Key: `<pool>/volume-<uuid>`. */
export const cephImage = defineFacet<ImageWant, ImageSeen>({
  name: 'ceph.image',
  source: 'ceph',
  want: imageWant,
  seen: imageSeen,
  holds(want, seen) {
    if (want === null) return seen === null;
    if ('trashed' in want) return seen === null || isDiscarded(seen);
    // Whatever stands under the name since then is somebody else's.
    if ('releasedAs' in want) return seen?.imageId !== want.imageId;
    if (seen === null || isStrangers(want, seen) || seen.state !== 'open') return false;
    return 'restored' in want || seen.sizeBytes >= want.sizeGib * GIB;
  },
  expected: ({ region, id, sizeGib, imageId }) => [
    { key: imageKeyOf(region, id), want: { sizeGib, imageId } },
  ],
  volumeOf: (key) => volumeIdOfImage(key.slice(key.indexOf('/') + 1)),
  rests: isDiscarded,
  parks(want, seen) {
    if (want !== null && 'releasedAs' in want) return null;
    if (want !== null && seen !== null && isStrangers(want, seen)) return 'stranger';
    if (want === null || 'trashed' in want) return null;
    if ('adoptedFrom' in want) return null;
    if ('restored' in want) {
      const isFound = seen === null || seen.state === 'half-made' ? want.from !== undefined : !isLost(seen);
      return isFound ? null : 'image-missing';
    }
    // Without a header there is nothing left to open, and one made anew would be empty.
    return isLost(seen) ? 'image-missing' : null;
  },
  remedies: [
    {
      name: 'image-trashed',
      class: 'different',
      when: ({ record, seen }) => {
        const image = seen as ImageSeen;
        return image.state === 'trashed' && image.imageId === record?.imageId;
      },
      does: 'repair',
      files: { kind: 'repair-image', params: restoring },
      why: 'its bytes are all there, in the trash: by its internal id it is the same image, and comes back',
    },
    {
      name: 'image-renamed',
      class: 'different',
      when: ({ record, seen }) => {
        const image = seen as ImageSeen;
        return image.state === 'renamed' && image.imageId === record?.imageId;
      },
      does: 'repair',
      files: { kind: 'repair-image', params: restoring },
      why: 'by its internal id it is the same image, and its own name is free: it gets that back',
    },
    {
      name: 'image-missing',
      class: 'missing',
      does: 'page',
      files: { kind: 'repair-image', params: ({ volume }) => ({ volumeId: volume }) },
      why: 'a new image would hand the customer an empty disk: the volume waits for a person',
    },
    {
      name: 'image-another',
      class: 'different',
      when: ({ record, seen }) => (seen as ImageSeen).imageId !== record?.imageId,
      does: 'page',
      files: { kind: 'repair-image', params: ({ volume }) => ({ volumeId: volume }) },
      why: 'another image stands under its name: it is a stranger’s, and is neither used nor touched',
    },
    {
      name: 'image-damaged',
      class: 'different',
      does: 'page',
      why: 'smaller than recorded, or it cannot be opened: what is lost nobody can make up',
    },
    {
      name: 'image-left',
      class: 'unexpected',
      when: ({ record, tombstone, seen }) => {
        if (record !== null || tombstone === null) return false;
        return tombstone.imageId === '' || tombstone.imageId === (seen as ImageSeen).imageId;
      },
      does: 'repair',
      files: {
        kind: 'repair-leftover',
        params: ({ tombstone, volume }) => ({
          volumeId: volume,
          region: tombstone?.region ?? null,
          imageId: tombstone?.imageId ?? null,
        }),
      },
      why: 'its volume was deleted: it goes to the trash, from which it can be taken back',
    },
    {
      name: 'image-unknown',
      class: 'unexpected',
      does: 'report',
      why: 'no volume of ours ever had it: it may be somebody’s data',
    },
  ],
});

/** In the trash, or on its way out of it. */
export function isDiscarded({ state }: ImageSeen): boolean {
  return state === 'trashed' || state === 'purging';
}

function isLost(seen: ImageSeen | null): boolean {
  return seen === null || seen.state === 'purging' || (seen.state === 'half-made' && seen.sizeBytes === 0);
}

/** The repair of what is somewhere else: by its internal id, and with the name that it has there, if it is another. */
function restoring({ seen, volume }: Finding): Json {
  const { name } = seen as ImageSeen;
  return { volumeId: volume, ...(name === undefined ? {} : { from: name }) };
}

function isStrangers(want: ImageWant, seen: ImageSeen): boolean {
  return want.imageId !== undefined && want.imageId !== seen.imageId;
}

export function imageKeyOf(region: RegionSlug, id: VolumeId): string {
  return `${poolOf(region)}/${imageNameOf(id)}`;
}

/** An image that is no volume's: the name that an operator says. */
export function foreignImageKeyOf(region: RegionSlug, name: string): string {
  return `${poolOf(region)}/${name}`;
}

/** A volume's image, about which a plan states facts. */
export function image(region: RegionSlug, id: VolumeId) {
  return fact(cephImage, { key: imageKeyOf(region, id) });
}
