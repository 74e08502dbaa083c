import type { HostName } from '@plumbline/domain';

/**
 * Which hypervisor hosts are away: no boot of theirs has lived for a minute, by one observer's own monotonic clock. Longer
 * than a worker takes to be started again: its VMs go on meanwhile, and are rather asked than cut off. A failed reading, or
 * a pause between two, begins the minute anew: what nobody watched is not known.
 */
const AWAY_MS = 60_000;
/** And when what is to be built there is not waited for any more, if nobody says otherwise. */
const HOST_GIVEN_UP_MS = 600_000;
/** Readings come every two seconds; between two that are further apart a boot may have come and gone. */
const GAP_MAX_MS = 10_000;

export interface HostsReading {
  readonly askedAtMs: number;
  readonly answeredAtMs: number;
  readonly living: ReadonlySet<HostName>;
}

export class HostsWatch {
  /** From when on nothing was missed. */
  #sinceMs = 0;
  /** When the last reading was asked for; null: there is none to go by. */
  #lastMs: number | null = null;
  readonly #seenMs = new Map<HostName, number>();

  observe(reading: HostsReading | null): void {
    if (reading === null) {
      this.#lastMs = null;
      return;
    }
    const { askedAtMs, answeredAtMs, living } = reading;
    if (this.#lastMs === null || askedAtMs - this.#lastMs > GAP_MAX_MS) this.#sinceMs = answeredAtMs;
    this.#lastMs = askedAtMs;
    for (const host of living) this.#seenMs.set(host, answeredAtMs);
  }

  /** @param givenUpMs how long a host is away before nobody waits for it */
  constructor(private readonly givenUpMs = HOST_GIVEN_UP_MS) {}

  isAway(host: HostName): boolean {
    return this.#awayMs(host) >= AWAY_MS;
  }

  isGivenUp(host: HostName): boolean {
    return this.isAway(host) && this.#awayMs(host) >= this.givenUpMs;
  }

  /** How long it is known that nobody has lived there. */
  #awayMs(host: HostName): number {
    if (this.#lastMs === null) return 0;
    return this.#lastMs - Math.max(this.#sinceMs, this.#seenMs.get(host) ?? 0);
  }
}
