import type { Source } from '@plumbline/domain';
import { cephImage } from '@plumbline/ceph-facets';

const seenOrGone = cephImage.seen.nullable();

/** Images as the scrubber counts them: listings leave out what is in the trash, and so must a look at one of them. */
export function withoutTrash(images: Source): Source {
  return {
    facet: images.facet,
    list: (signal) => images.list(signal),
    async observe(place, signal) {
      const seen = seenOrGone.parse(await images.observe(place, signal));
      return seen?.state === 'trashed' ? null : seen;
    },
  };
}
