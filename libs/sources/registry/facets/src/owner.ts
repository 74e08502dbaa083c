import { defineFacet, parseVolumeId } from '@plumbline/domain';
import { z } from 'zod';
import { retaken } from './claims.js';

const owner = z.object({ account: z.string() });
export type Owner = z.infer<typeof owner>;

/** The account of an id, by which operators and workers find its record. Key: volume id. */
export const registryOwner = defineFacet<Owner, Owner>({
  name: 'registry.owner',
  source: 'registry',
  want: owner,
  seen: owner,
  holds: (want, seen) => (want === null ? seen === null : seen?.account === want.account),
  expected: ({ account, id }) => [{ key: id, want: { account } }],
  volumeOf: parseVolumeId,
  // Ids are used once: whose one was is kept for good, also of what is deleted and purged.
  rests: () => true,
  remedies: [
    {
      name: 'owner-lost',
      class: 'missing',
      does: 'repair',
      files: retaken,
      why: 'operators and workers cannot find the volume without it: it is written again, as the record says',
    },
    {
      name: 'owner-another',
      class: 'different',
      does: 'repair',
      files: retaken,
      why: 'the record stands under its account: that is its owner',
    },
    {
      name: 'owner-unknown',
      class: 'unexpected',
      does: 'report',
      why: 'what has an owner there is no volume’s id: nothing of ours wrote it',
    },
  ],
});
