import { defineFacet } from '@plumbline/domain';
import { z } from 'zod';

const laneSeen = z.object({
  /** `unreadable`: its bytes are no lane. `nobodys`: there is neither owner nor record nor tombstone of its volume. */
  why: z.enum(['unreadable', 'nobodys']),
});
export type LaneSeen = z.infer<typeof laneSeen>;

/** A lane that nobody can go on with, listed as strangers' things are. Key: the lane's own, without its prefix. */
export const registryLane = defineFacet<never, LaneSeen>({
  name: 'registry.lane',
  source: 'registry',
  want: z.never(),
  seen: laneSeen,
  holds: (_want, seen) => seen === null,
  expected: () => [],
  volumeOf: () => null,
  never: ['missing', 'different'],
  remedies: [
    {
      name: 'lane-broken',
      class: 'unexpected',
      does: 'page',
      why: 'what a customer wished for stands in it, and nobody can carry it out',
    },
  ],
});
