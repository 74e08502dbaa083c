import { isIn } from '@plumbline/domain';
import type { DiscrepancyClass, FacetCount, FacetName, Part, Place } from '@plumbline/domain';
import type { Looked } from './walk.js';

/** What a pass has counted of one facet so far. */
export interface Tally {
  readonly facet: FacetName;
  listed: number;
  /** Listed, or expected and not listed. */
  things: number;
  /** It could not be listed: what there is of it is unknown. */
  lost: boolean;
  /** Parts that could not be asked in this listing, and how much is expected there: that is unknown. */
  readonly parts: Part[];
  unasked: number;
  readonly found: Record<DiscrepancyClass, number>;
  /** Found and counted, but too many to be kept. */
  beyond: number;
}

/** @param before what another process counted of the same pass, which goes on */
export function talliesOf(
  facets: readonly FacetName[],
  before: readonly FacetCount[],
): ReadonlyMap<FacetName, Tally> {
  const tallies = facets.map((facet): Tally => {
    const counted = before.find((one) => one.facet === facet);
    const { different = 0, missing = 0, objects = 0, unasked = 0, unexpected = 0 } = counted ?? {};
    return {
      facet,
      listed: objects ?? 0,
      things: (objects ?? 0) + missing,
      lost: objects === null,
      parts: [],
      unasked,
      found: { missing, unexpected, different },
      beyond: 0,
    };
  });
  return new Map(tallies.map((tally) => [tally.facet, tally]));
}

export function countVolume(tallies: ReadonlyMap<FacetName, Tally>, { counts }: Looked): void {
  for (const { expected, facet, listed, unasked } of counts) {
    const tally = tallies.get(facet);
    if (tally === undefined) continue;
    tally.listed += listed;
    tally.things += Math.max(listed, expected);
    tally.unasked += unasked;
  }
}

export function countsOf(tallies: ReadonlyMap<FacetName, Tally>): readonly FacetCount[] {
  return [...tallies.values()].map(({ facet, found, listed, lost, unasked }) => ({
    facet,
    objects: lost ? null : listed,
    unasked,
    ...found,
  }));
}

/** Whether the thing is where nobody answered in this pass. */
export function isUnasked({ parts }: Tally, place: Place): boolean {
  return parts.some((part) => isIn(part, place));
}
