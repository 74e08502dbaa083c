import { defineFacet, volumeIdOfImage } from '@plumbline/domain';
import { z } from 'zod';

const trashSeen = z.object({
  /** librbd's internal id. */
  imageId: z.string(),
});
export type TrashSeen = z.infer<typeof trashSeen>;

/**
 * What lies in the trash under a name of ours. No record ever expects anything there: of what a record names the image's own
 * facet tells. Key: `<pool>/volume-<uuid>/<internal id>`, because several may have had the same name.
 */
export const cephTrash = defineFacet<never, TrashSeen>({
  name: 'ceph.trash',
  source: 'ceph',
  want: z.never(),
  seen: trashSeen,
  holds: (_want, seen) => seen === null,
  expected: () => [],
  volumeOf: (key) => volumeIdOfImage(parseTrashKey(key).name),
  rests({ imageId }, { record, tombstone }) {
    if (record?.imageId === imageId) return true;
    // An undone create never learnt its image's id.
    return tombstone !== null && (tombstone.imageId === '' || tombstone.imageId === imageId);
  },
  never: ['missing', 'different'],
  remedies: [
    {
      name: 'trash-unknown',
      class: 'unexpected',
      does: 'report',
      why: 'no record and no tombstone names it, so nobody purges it: it is kept until a person says otherwise',
    },
  ],
});

export function trashKeyOf({ imageId, name, pool }: ReturnType<typeof parseTrashKey>): string {
  return `${pool}/${name}/${imageId}`;
}

export function parseTrashKey(key: string): {
  readonly pool: string;
  readonly name: string;
  readonly imageId: string;
} {
  const [pool = '', name = '', imageId = ''] = key.split('/');
  return { pool, name, imageId };
}
