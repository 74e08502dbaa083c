import { defineFacet, parseVolumeId } from '@plumbline/domain';
import type { Finding, OwesStep } from '@plumbline/domain';
import { z } from 'zod';

const subscriptionWant = z.object({ sizeGib: z.number().int().positive() });
export type SubscriptionWant = z.infer<typeof subscriptionWant>;

const subscriptionSeen = z.object({ sizeGib: z.number().int().positive(), account: z.string() });
export type SubscriptionSeen = z.infer<typeof subscriptionSeen>;

const files = {
  kind: 'repair-subscription',
  params: ({ volume }: Finding) => ({ volumeId: volume }),
};

/** What an account is billed for a volume. Derived: it follows the record, and never the other way round. Key: volume id. */
export const billingSubscription = defineFacet<SubscriptionWant, SubscriptionSeen>({
  name: 'billing.subscription',
  source: 'billing',
  want: subscriptionWant,
  seen: subscriptionSeen,
  holds: (want, seen) => (want === null ? seen === null : seen !== null && seen.sizeGib === want.sizeGib),
  expected: (record) => [{ key: record.id, want: { sizeGib: record.sizeGib } }],
  volumeOf: parseVolumeId,
  remedies: [
    {
      name: 'subscription-missing',
      class: 'missing',
      does: 'repair',
      files,
      why: 'what is billed follows the record',
    },
    {
      name: 'subscription-different',
      class: 'different',
      does: 'repair',
      files,
      why: 'nobody is billed for more than the record says, nor for less',
    },
    {
      name: 'subscription-left',
      class: 'unexpected',
      when: ({ tombstone }) => tombstone !== null,
      does: 'repair',
      files,
      why: 'its volume was deleted: nobody is billed for nothing',
    },
    {
      name: 'subscription-unknown',
      class: 'unexpected',
      does: 'page',
      why: 'somebody is billed for a volume that never was',
    },
  ],
});

/** The subscription of the volume that the commit is about. */
export const subscription = {
  is: (want: SubscriptionWant): OwesStep => ({ facet: billingSubscription.name, want }),
  isGone: (): OwesStep => ({ facet: billingSubscription.name, want: null }),
};
