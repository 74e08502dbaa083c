import { defineFacet } from '@plumbline/domain';
import { z } from 'zod';

const counts = z.object({ volumes: z.number(), gib: z.number() });

const usageSeen = z.object({ counted: counts, recorded: counts });
export type UsageSeen = z.infer<typeof usageSeen>;

/**
 * What is counted of an account, where it is not what its records come to. It belongs to no volume, so it is listed as
 * strangers' things are: only what looks wrong, and null where it agrees. Key: account.
 */
export const registryUsage = defineFacet<never, UsageSeen>({
  name: 'registry.usage',
  source: 'registry',
  want: z.never(),
  seen: usageSeen,
  holds: (_want, seen) => seen === null,
  expected: () => [],
  volumeOf: () => null,
  never: ['missing', 'different'],
  remedies: [
    {
      name: 'usage-different',
      class: 'unexpected',
      does: 'page',
      why: 'its limits are judged by a wrong count: no intent is about a whole account, so a person counts anew',
    },
  ],
});
