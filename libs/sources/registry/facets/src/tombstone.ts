import { defineFacet, parseVolumeId } from '@plumbline/domain';
import { z } from 'zod';
import { retaken } from './claims.js';

const tombstoneWant = z.never();

const tombstoneSeen = z.object({
  rev: z.number(),
  /** A record stands too, under the tombstone's account. */
  beside: z.boolean(),
});
export type TombstoneSeen = z.infer<typeof tombstoneSeen>;

/** The tombstone of a deleted or undone id. No record ever expects one. Key: volume id. */
export const registryTombstone = defineFacet<never, TombstoneSeen>({
  name: 'registry.tombstone',
  source: 'registry',
  want: tombstoneWant,
  seen: tombstoneSeen,
  holds: (_want, seen) => seen === null,
  expected: () => [],
  volumeOf: parseVolumeId,
  rests: ({ beside }) => !beside,
  never: ['missing', 'different'],
  remedies: [
    {
      name: 'tombstone-beside',
      class: 'unexpected',
      when: ({ record }) => record !== null,
      does: 'repair',
      files: retaken,
      why: 'the volume lives: what is written of its death goes',
    },
    {
      name: 'tombstone-unknown',
      class: 'unexpected',
      does: 'report',
      why: 'what it stands for is no volume’s id: nothing of ours wrote it',
    },
  ],
});
