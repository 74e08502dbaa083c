import { defineFacet, heldSlotKey, parseHeldSlot, volumeOfHeldSlot } from '@plumbline/domain';
import { z } from 'zod';
import { givenBack, isKnown, retaken } from './claims.js';

const slot = z.object({ slot: z.enum(['reserved', 'attached']) });
export type Slot = z.infer<typeof slot>;

/** A volume's slot in a VM's record, of which each has a few. Key: see `heldSlotKey`. */
export const registrySlot = defineFacet<Slot, Slot>({
  name: 'registry.slot',
  source: 'registry',
  want: slot,
  seen: slot,
  holds: (want, seen) => (want === null ? seen === null : seen?.slot === want.slot),
  expected: ({ attachment, id }) =>
    attachment === null ? [] : [{ key: heldSlotKey(attachment.vm, id), want: { slot: 'attached' } }],
  volumeOf: volumeOfHeldSlot,
  causeOf: ({ key }) => String(parseHeldSlot(key).vm),
  remedies: [
    {
      name: 'slot-lost',
      class: 'missing',
      does: 'repair',
      files: retaken,
      why: 'the VM could be given more volumes than it takes: the slot is taken again, if there is room',
    },
    {
      name: 'slot-different',
      class: 'different',
      does: 'repair',
      files: retaken,
      why: 'reserved, and nothing is under way: the record says that it is attached',
    },
    {
      name: 'slot-left',
      class: 'unexpected',
      when: isKnown,
      does: 'repair',
      files: givenBack(({ place }) => ({ vms: [parseHeldSlot(place.key).vm] })),
      why: 'no record says that the volume is attached there: the slot is given back',
    },
    {
      name: 'slot-unknown',
      class: 'unexpected',
      does: 'page',
      why: 'held for what no record and no tombstone names: the VM has one slot less',
    },
  ],
});
