import type { DiscrepancyRecord } from '@plumbline/domain';
import { placeOf } from './records.js';
import { nameOf } from './sightings.js';
import type { Suspicion } from './walk.js';

/** Discrepancies kept of ours, and of strangers' things; what is beyond is counted, and brakes, but has no record. */
const KEPT_MAX = { ours: 10_000, strangers: 1_000 };

/** The list of discrepancies as this process knows it; how many there are is counted as they come. */
export class Known {
  private readonly byName = new Map<string, DiscrepancyRecord>();
  private readonly kept = { ours: 0, strangers: 0 };

  constructor(records: readonly DiscrepancyRecord[] = []) {
    for (const record of records) this.add(record);
  }

  get all(): readonly DiscrepancyRecord[] {
    return [...this.byName.values()];
  }

  of(suspicion: Pick<Suspicion, 'facet' | 'place'>): DiscrepancyRecord | null {
    return this.byName.get(nameOf(suspicion)) ?? null;
  }

  add(record: DiscrepancyRecord): void {
    this.remove(record);
    this.kept[whoseOf(record)] += 1;
    this.byName.set(nameOfRecord(record), record);
  }

  remove(about: Pick<DiscrepancyRecord, 'facet' | 'key' | 'host'>): void {
    const before = this.byName.get(nameOfRecord(about));
    if (before === undefined) return;
    this.kept[whoseOf(before)] -= 1;
    this.byName.delete(nameOfRecord(about));
  }

  /** There is no room for it, and it is not on the list. */
  isFullFor(suspicion: Pick<Suspicion, 'facet' | 'place' | 'volume'>): boolean {
    if (this.byName.has(nameOf(suspicion))) return false;
    const whose = whoseOf(suspicion);
    return this.kept[whose] >= KEPT_MAX[whose];
  }
}

function nameOfRecord(about: Pick<DiscrepancyRecord, 'facet' | 'key' | 'host'>): string {
  return nameOf({ facet: about.facet, place: placeOf(about) });
}

function whoseOf({ volume }: Pick<DiscrepancyRecord, 'volume'>): keyof typeof KEPT_MAX {
  return volume === null ? 'strangers' : 'ours';
}
