import { defineFacet, parseActionKey, volumeOfActionKey } from '@plumbline/domain';
import { z } from 'zod';
import { givenBack, isKnown } from './claims.js';

const actionSeen = z.object({
  intent: z.string(),
  kind: z.string(),
  /** Its end has been written once, which the volume's list of what has ended tells: only a hand can have set it back. */
  ended: z.boolean(),
});
export type ActionSeen = z.infer<typeof actionSeen>;

/**
 * A customer's action that is in progress, and whose intent no lane holds: whoever polls it would poll for ever. Of actions
 * that are as they ought to be nothing is listed. Key: see `actionKeyOf`.
 *
 * No record tells which actions there are, so none is ever expected: what is there, and has nothing behind it, is
 * `unexpected`. The reverse, a lane's intent without its action, is the lane's: see `registry.lane`.
 */
export const registryAction = defineFacet<never, ActionSeen>({
  name: 'registry.action',
  source: 'registry',
  want: z.never(),
  seen: actionSeen,
  holds: (_want, seen) => seen === null,
  expected: () => [],
  volumeOf: volumeOfActionKey,
  never: ['missing', 'different'],
  remedies: [
    {
      name: 'action-stuck',
      class: 'unexpected',
      // A commit writes its action's end with it: without one nothing was committed, and without a lane nothing will be.
      when: (found) => isKnown(found) && !actionSeen.safeParse(found.seen).data?.ended,
      does: 'repair',
      files: givenBack(({ place }) => ({ actions: [parseActionKey(place.key).n] })),
      why: 'its intent is gone, and was never committed: it ends as errored, as what was not done',
    },
    {
      name: 'action-unknown',
      class: 'unexpected',
      does: 'page',
      why: 'it has ended before, or nothing is known of its volume: a person says whether it was done',
    },
  ],
});
