import type { Suspicion } from './walk.js';

/** Suspicions remembered at once; more than that is no drift but an outage, and what is beyond waits for the next pass. */
const REMEMBERED_MAX = 100_000;

interface Sighting {
  readonly suspicion: Suspicion;
  readonly remedy: string;
  readonly firstMs: number;
  readonly firstAt: number;
}

/**
 * What was seen once. A suspicion counts when it is seen again at least the silence limit later, the same and at the same
 * index of the record: by then every boot that could have been in the middle of something has ended it or been fenced.
 */
export class Sightings {
  private readonly seen = new Map<string, Sighting>();

  /** @param silenceMs how long a boot may be silent before it is fenced */
  constructor(private readonly silenceMs: number) {}

  /**
   * @param remedy what would be done about it: one that calls for something else is wrong in another way
   * @returns when it was first seen, if it counts now; else null.
   */
  see(suspicion: Suspicion, remedy: string, now: { monotonicMs: number; at: number }): number | null {
    const key = nameOf(suspicion);
    const first = this.seen.get(key);
    if (first?.remedy !== remedy || !isSame(first.suspicion, suspicion)) {
      if (first === undefined && this.seen.size >= REMEMBERED_MAX) return null;
      this.seen.set(key, { suspicion, remedy, firstMs: now.monotonicMs, firstAt: now.at });
      return null;
    }
    return now.monotonicMs - first.firstMs >= this.silenceMs ? first.firstAt : null;
  }

  forget(suspicion: Pick<Suspicion, 'facet' | 'place'>): void {
    this.seen.delete(nameOf(suspicion));
  }

  clear(): void {
    this.seen.clear();
  }

  /** What was seen long enough ago to count when it is seen again. */
  restedSince(nowMs: number): readonly Suspicion[] {
    const rested = [...this.seen.values()].filter(({ firstMs }) => nowMs - firstMs >= this.silenceMs);
    return rested.map(({ suspicion }) => suspicion);
  }

  /** What waits to be seen again. */
  all(): readonly Suspicion[] {
    return [...this.seen.values()].map(({ suspicion }) => suspicion);
  }
}

/** A discrepancy's name: one thing of one facet. */
export function nameOf({ facet, place }: Pick<Suspicion, 'facet' | 'place'>): string {
  return `${facet} ${place.host ?? ''} ${place.key}`;
}

/** The same thing wrong in the same way, and no intent of its volume in between. */
function isSame(one: Suspicion, other: Suspicion): boolean {
  return (
    one.class === other.class &&
    one.snapshot?.recordIndex === other.snapshot?.recordIndex &&
    one.snapshot?.tombstoneIndex === other.snapshot?.tombstoneIndex &&
    one.intents === other.intents &&
    JSON.stringify(one.want) === JSON.stringify(other.want)
  );
}
