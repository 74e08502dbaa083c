import { defineIntent, volume, volumeResource } from '@plumbline/domain';
import { subscription } from '@plumbline/billing-facets';
import { z } from 'zod';
import { volumeId, EXAMPLE_VOLUME } from './fields.js';

const params = z.object({ volumeId });

/** Tells billing once more what the record says, as a new version: what is billed follows the record. */
export const repairSubscription = defineIntent<z.infer<typeof params>>({
  kind: 'repair-subscription',
  action: 'repair_subscription',
  on: 'any',
  internal: true,
  params,
  example: { volumeId: EXAMPLE_VOLUME },
  resource: (p) => volumeResource(p.volumeId),
  refuse: () => null,
  plan: (p, record) => ({
    prepare: [],
    commit: volume(p.volumeId).becomes((now) => now),
    owes: [record === null ? subscription.isGone() : subscription.is({ sizeGib: record.sizeGib })],
  }),
});
