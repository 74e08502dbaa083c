import { defineFacet, parseVolumeId } from '@plumbline/domain';
import type { OwesStep } from '@plumbline/domain';
import { z } from 'zod';

const subscriptionWant = z.object({ sizeGib: z.number().int().positive() });
export type SubscriptionWant = z.infer<typeof subscriptionWant>;

const subscriptionSeen = z.object({ sizeGib: z.number().int().positive(), account: z.string() });
export type SubscriptionSeen = z.infer<typeof subscriptionSeen>;

/** What an account is billed for a volume. Derived: it follows the record, and never the other way round. Key: volume id. */
export const billingSubscription = defineFacet<SubscriptionWant, SubscriptionSeen>({
  name: 'billing.subscription',
  source: 'billing',
  want: subscriptionWant,
  seen: subscriptionSeen,
  holds: (want, seen) => (want === null ? seen === null : seen !== null && seen.sizeGib === want.sizeGib),
  expected: (record) => [{ key: record.id, want: { sizeGib: record.sizeGib } }],
  volumeOf: parseVolumeId,
  repairs: {
    missing: { action: 'report', why: 'a subscription follows the record' },
    unexpected: { action: 'report', why: 'a customer must not be billed for nothing' },
    different: { action: 'report', why: 'nobody is billed for more than the record says' },
  },
});

/** The subscription of the volume that the commit is about. */
export const subscription = {
  is: (want: SubscriptionWant): OwesStep => ({ facet: billingSubscription.name, want }),
  isGone: (): OwesStep => ({ facet: billingSubscription.name, want: null }),
};
