import { defineFacet, fact, imageNameOf, poolOf, volumeIdOfImage } from '@plumbline/domain';
import type { RegionSlug, VolumeId } from '@plumbline/domain';
import { z } from 'zod';

export const GIB = 1024 ** 3;

const imageWant = z.union([
  /** Opens, and is at least that big: sizes never shrink, and a grown image stays grown. */
  z.object({ sizeGib: z.number().int().positive() }),
  z.object({ trashed: z.literal(true) }),
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
    return seen !== null && seen.state === 'open' && seen.sizeBytes >= want.sizeGib * GIB;
  },
  expected: (record) => [{ key: imageKeyOf(record.region, record.id), want: { sizeGib: record.sizeGib } }],
  volumeOf: (key) => volumeIdOfImage(key.slice(key.indexOf('/') + 1)),
  parks: (want, seen) => (want !== null && !('trashed' in want) && seen === null ? 'image-missing' : null),
  repairs: {
    missing: { action: 'page', why: 'a new image would hand the customer an empty disk' },
    unexpected: { action: 'report', why: 'it may be somebody’s data: nothing is removed without a person' },
    different: {
      action: 'report',
      why: 'an image smaller than recorded needs a person; a larger one is fine',
    },
  },
});

export function imageKeyOf(region: RegionSlug, id: VolumeId): string {
  return `${poolOf(region)}/${imageNameOf(id)}`;
}

/** A volume's image, about which a plan states facts. */
export function image(region: RegionSlug, id: VolumeId) {
  return fact(cephImage, { key: imageKeyOf(region, id) });
}
