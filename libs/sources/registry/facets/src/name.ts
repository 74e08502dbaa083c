import { defineFacet, heldNameKey, volumeOfHeldName } from '@plumbline/domain';
import { z } from 'zod';
import { givenBack, isKnown, retaken } from './claims.js';

const nameWant = z.object({ volume: z.string() });
export type NameWant = z.infer<typeof nameWant>;

const nameSeen = z.object({
  /** Whose it is. */
  volume: z.string(),
  /** It is the volume's that the key begins with. */
  own: z.boolean(),
  /** The record of that volume says so: known by its hash alone it was only listed before there was one. */
  named: z.boolean(),
});
export type NameSeen = z.infer<typeof nameSeen>;

/** The reservation of a name: one account has it once in a region. Key: see `heldNameKey`. */
export const registryName = defineFacet<NameWant, NameSeen>({
  name: 'registry.name',
  source: 'registry',
  want: nameWant,
  seen: nameSeen,
  holds: (want, seen) => (want === null ? seen === null : seen?.own === true),
  expected: ({ account, id, name, region }) => [
    { key: heldNameKey(id, { account, region, name }), want: { volume: id } },
  ],
  volumeOf: volumeOfHeldName,
  // Under the old name of a volume that is gone another may stand by right.
  rests: ({ named, own }) => named || !own,
  remedies: [
    {
      name: 'name-lost',
      class: 'missing',
      does: 'repair',
      files: retaken,
      why: 'its name is not reserved, and somebody else could take it: it is taken again',
    },
    {
      name: 'name-another',
      class: 'different',
      does: 'page',
      why: 'its name is reserved for another volume: a person says which of the two keeps it',
    },
    {
      name: 'name-left',
      class: 'unexpected',
      when: isKnown,
      does: 'repair',
      files: givenBack(({ place }) => ({ names: [place.key] })),
      why: 'it is not called so, or is gone: the name is given back, for whoever wants it',
    },
    {
      name: 'name-unknown',
      class: 'unexpected',
      does: 'page',
      why: 'held for what no record and no tombstone names: nobody can get that name',
    },
  ],
});
