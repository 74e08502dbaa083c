import type { Finding, Json } from '@plumbline/domain';

const KIND = 'repair-claims';

/** Everything that the volume holds is taken again as its record says. */
export const retaken = {
  kind: KIND,
  params: ({ volume }: Finding): Json => ({ volumeId: volume, names: [], vms: [], actions: [] }),
};

/** The same, and the one thing that was found is given back. */
export function givenBack(
  what: (found: Finding) => {
    names?: readonly string[];
    vms?: readonly number[];
    actions?: readonly number[];
  },
) {
  return {
    kind: KIND,
    params: (found: Finding): Json => ({
      volumeId: found.volume,
      names: [],
      vms: [],
      actions: [],
      ...what(found),
    }),
  };
}

/** Somebody's still, or what is left of it: there is a lane to file an intent in. */
export function isKnown({ record, tombstone }: Finding): boolean {
  return record !== null || tombstone !== null;
}
