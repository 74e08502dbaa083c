import { volumeIdOf } from '@plumbline/domain';
import type { ResourceName, VolumeId } from '@plumbline/domain';

/** Volumes remembered; what changes beyond waits for its place in a pass. */
const REMEMBERED_MAX = 10_000;
/** What an intent owes to others is theirs by then, as a rule. */
const RESTED_MS = 5_000;

/**
 * Volumes that were worked on a moment ago: most of what goes wrong does so then. It is hearsay, bounded and forgotten with
 * the process: what is not in it is looked at in its place.
 */
export class Changed {
  private readonly sinceMs = new Map<VolumeId, number>();

  note(resource: ResourceName, nowMs: number): void {
    const volume = volumeIdOf(resource);
    // The newest word counts: what is worked on again rests from then on.
    if (!this.sinceMs.delete(volume) && this.sinceMs.size >= REMEMBERED_MAX) return;
    this.sinceMs.set(volume, nowMs);
  }

  /** Those that have rested, the longest first; they are forgotten. */
  take(most: number, nowMs: number): readonly VolumeId[] {
    const taken: VolumeId[] = [];
    for (const [volume, sinceMs] of this.sinceMs) {
      if (taken.length >= most || nowMs - sinceMs < RESTED_MS) break;
      taken.push(volume);
    }
    for (const volume of taken) this.sinceMs.delete(volume);
    return taken;
  }
}
