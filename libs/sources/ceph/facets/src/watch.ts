import { defineFacet, fact, volumeIdOfImage } from '@plumbline/domain';
import type { RegionSlug, VolumeId } from '@plumbline/domain';
import { z } from 'zod';
import { foreignImageKeyOf, imageKeyOf } from './image.js';

const watchWant = z.object({ watchers: z.union([z.literal(0), z.literal(1)]) });
export type WatchWant = z.infer<typeof watchWant>;

const watchSeen = z.object({
  /** RADOS addresses (`ip:port/nonce`) that watch the image and belong to no boot of ours: VMs, and strangers. */
  addresses: z.array(z.string()),
});
export type WatchSeen = z.infer<typeof watchSeen>;

/** Who has the image open, besides ourselves. Key as of the image. Seen is null when there is no such image. */
export const cephWatch = defineFacet<WatchWant, WatchSeen>({
  name: 'ceph.watch',
  source: 'ceph',
  want: watchWant,
  seen: watchSeen,
  holds: (want, seen) => want !== null && seen !== null && seen.addresses.length === want.watchers,
  // A watch is no fact of its own: it comes and goes with the VM's block node, which the scrubber looks at.
  expected: () => [],
  volumeOf: (key) => volumeIdOfImage(key.slice(key.indexOf('/') + 1)),
  remedies: [],
});

/** Who watches a volume's image, about which a plan states facts. */
export function watch(region: RegionSlug, id: VolumeId) {
  return fact(cephWatch, { key: imageKeyOf(region, id) });
}

/** Who watches an image that is no volume's yet. */
export function foreignWatch(region: RegionSlug, name: string) {
  return fact(cephWatch, { key: foreignImageKeyOf(region, name) });
}
