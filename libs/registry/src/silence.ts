import type { BootId } from '@plumbline/domain';

/**
 * Whether a boot has fallen silent, by one observer's own monotonic clock: wall clocks are never compared. A beat must
 * have stood still in several successive readings and over the whole span, while the observer's own beats landed. So an
 * absent Consul, or an observer that was itself asleep, condemns nobody: whatever fails begins the watch anew.
 */
export interface SilenceLimits {
  /** Readings in which the beat stood still, after the one that saw it first. */
  readonly readingsMin: number;
  readonly silentMs: number;
  /** Older than this, the observer's own last beat no longer says that beats can land. */
  readonly ownBeatAgeMaxMs: number;
}

export const SILENCE_LIMITS: SilenceLimits = { readingsMin: 4, silentMs: 8_000, ownBeatAgeMaxMs: 4_000 };

/** One successful reading of all beats. Times are of the observer's monotonic clock. */
export interface BeatReading {
  readonly askedAtMs: number;
  readonly answeredAtMs: number;
  /** The beats of others; the empty text for a boot that has none. */
  readonly beats: ReadonlyMap<BootId, string>;
  readonly own: { readonly failures: number; readonly landedAtMs: number };
}

interface Still {
  readonly beat: string;
  /** When the reading that saw it first was answered: it certainly stood from then on. */
  readonly sinceMs: number;
  readonly readings: number;
}

export class SilenceWatch {
  #still = new Map<BootId, Still>();
  #ownFailures = 0;

  constructor(private readonly limits: SilenceLimits = SILENCE_LIMITS) {}

  /** @param reading null: the reading failed. @returns the boots that are silent. */
  observe(reading: BeatReading | null): ReadonlySet<BootId> {
    if (reading === null || !this.#ownBeatsLand(reading)) {
      this.#still.clear();
      return new Set();
    }
    this.#still = new Map(
      [...reading.beats].map(([boot, beat]) => [boot, this.#stood(boot, beat, reading.answeredAtMs)]),
    );
    const silent = [...this.#still].filter(
      ([, { sinceMs, readings }]) =>
        readings >= this.limits.readingsMin && reading.askedAtMs - sinceMs >= this.limits.silentMs,
    );
    return new Set(silent.map(([boot]) => boot));
  }

  #ownBeatsLand({ askedAtMs, own }: BeatReading): boolean {
    const failed = own.failures !== this.#ownFailures;
    this.#ownFailures = own.failures;
    return !failed && askedAtMs - own.landedAtMs <= this.limits.ownBeatAgeMaxMs;
  }

  #stood(boot: BootId, beat: string, answeredAtMs: number): Still {
    const before = this.#still.get(boot);
    if (before?.beat !== beat) return { beat, sinceMs: answeredAtMs, readings: 0 };
    return { ...before, readings: before.readings + 1 };
  }
}
