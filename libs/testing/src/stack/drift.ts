import type { DiscrepancyClass, FacetName, ParkReason } from '@plumbline/domain';
import type { ByHand } from './by-hand.js';

/** What a discrepancy must be taken for, and where it must end. */
export interface Expected {
  readonly facet: FacetName;
  readonly class: DiscrepancyClass;
  readonly remedy: string;
  /** `confirmed`: it is told of and nothing else. */
  readonly end: 'repaired' | 'confirmed' | `parked:${ParkReason}`;
}

/** One way in which a person can make a real part differ from the registry. */
export interface Drift {
  readonly name: string;
  /** What was done to the volume before, in good order. `none`: it never was, and only its id is used. */
  readonly life: 'created' | 'attached' | 'deleted' | 'none';
  readonly expected: readonly Expected[];
  readonly plant: (hand: ByHand, volume: string) => Promise<unknown>;
  /** Sets right by hand what is not repaired. What is lost for good is lost: such a volume can still be deleted. */
  readonly mend?: (hand: ByHand, volume: string) => Promise<unknown>;
}

export const found = (
  facet: FacetName,
  sort: DiscrepancyClass,
  remedy: string,
  end: Expected['end'] = 'repaired',
): Expected => ({ facet, class: sort, remedy, end });
