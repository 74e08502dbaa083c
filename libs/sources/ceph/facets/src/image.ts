import { defineFacet, fact, imageNameOf, poolOf, volumeIdOfImage } from '@plumbline/domain';
import type { RegionSlug, VolumeId } from '@plumbline/domain';
import { z } from 'zod';

export const GIB = 1024 ** 3;

/** librbd's internal id, once a record names it: another image under the same name is a stranger's. */
const imageId = z.string().exactOptional();

const imageWant = z.union([
  /** Opens, and is at least that big: sizes never shrink, and a grown image stays grown. */
  z.object({ sizeGib: z.number().int().positive(), imageId }),
  z.object({ trashed: z.literal(true), imageId }),
]);
export type ImageWant = z.infer<typeof imageWant>;

const imageSeen = z.object({
  /** librbd's internal id. */
  imageId: z.string(),
  sizeBytes: z.number(),
  /**
   * `half-made`: listed but cannot be opened. With `sizeBytes` 0 a client died within `rbd create`, and nothing was ever in
   * it; else one died within a move to the trash, and everything still is.
   */
  state: z.enum(['open', 'half-made', 'trashed']),
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
    if ('trashed' in want) return seen === null || seen.state === 'trashed';
    if (seen === null || isStrangers(want, seen)) return false;
    return seen.state === 'open' && seen.sizeBytes >= want.sizeGib * GIB;
  },
  expected: ({ region, id, sizeGib, imageId }) => [
    { key: imageKeyOf(region, id), want: { sizeGib, imageId } },
  ],
  volumeOf: (key) => volumeIdOfImage(key.slice(key.indexOf('/') + 1)),
  parks(want, seen) {
    if (want !== null && seen !== null && isStrangers(want, seen)) return 'stranger';
    if (want === null || 'trashed' in want) return null;
    // Without a header there is nothing left to open, and one made anew would be empty.
    const isLost = seen === null || (seen.state === 'half-made' && seen.sizeBytes === 0);
    return isLost ? 'image-missing' : null;
  },
  repairs: {
    missing: { action: 'page', why: 'a new image would hand the customer an empty disk' },
    unexpected: { action: 'report', why: 'it may be somebody’s data: nothing is removed without a person' },
    different: {
      action: 'report',
      why: 'an image smaller than recorded needs a person; a larger one is fine',
    },
  },
});

function isStrangers(want: ImageWant, seen: ImageSeen): boolean {
  return want.imageId !== undefined && want.imageId !== seen.imageId;
}

export function imageKeyOf(region: RegionSlug, id: VolumeId): string {
  return `${poolOf(region)}/${imageNameOf(id)}`;
}

/** A volume's image, about which a plan states facts. */
export function image(region: RegionSlug, id: VolumeId) {
  return fact(cephImage, { key: imageKeyOf(region, id) });
}
