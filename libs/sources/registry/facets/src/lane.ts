import { defineFacet } from '@plumbline/domain';
import { z } from 'zod';

const laneSeen = z.object({
  /**
   * `unreadable`: its bytes are no lane. `nobodys`: there is neither owner nor record nor tombstone of its volume. `unshown`: it
   * holds an intent whose action is missing.
   */
  why: z.enum(['unreadable', 'nobodys', 'unshown']),
});
export type LaneSeen = z.infer<typeof laneSeen>;

/**
 * A lane that nobody can go on with, or that shows nobody what is in it, listed as strangers' things are: whoever has a lane
 * is passed over, because it moves. Key: the lane's own, without its prefix.
 */
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
      name: 'lane-unshown',
      class: 'unexpected',
      when: ({ seen }) => laneSeen.safeParse(seen).data?.why === 'unshown',
      does: 'report',
      why: 'whoever asks for its action is told that there is none, until its end is written, and the action with it',
    },
    {
      name: 'lane-broken',
      class: 'unexpected',
      does: 'page',
      why: 'what a customer wished for stands in it, and nobody can carry it out',
    },
  ],
});
