import type { Instant } from '@plumbline/domain';
import type { Timing } from './timing.js';
import type { KvTransport, TransactAnswer } from './transport.js';

/** Consul's `Date` header has whole seconds: it was answered within the second that it names. */
const DATE_RESOLUTION_MS = 1_000;
/** How much faster or slower than Consul's this machine's monotonic clock may run: more than any oscillator does. */
const DRIFT = 0.000_5;
/** How far ahead of Consul's clock this one may stand still until it is caught up with. */
const AHEAD_MAX_MS = 10_000;

/** Why a process whose clock is ahead ends. */
export const CLOCK_SET_BACK = 'the registry’s clock was set back';

interface Offset {
  readonly lowMs: number;
  readonly highMs: number;
  /** By the monotonic clock: from then on it may have drifted. */
  readonly atMs: number;
}

/**
 * The registry's time: the one clock by which all processes stamp, whatever their machines' wall clocks say.
 *
 * Consul dates each of its answers. It did so between the request and the answer, so how far its clock is from this
 * machine's monotonic one lies within bounds; each answer narrows them, and a change of the wall clock is none of this. An
 * answer that contradicts what was known shows that Consul's clock was set: from then on that answer alone counts.
 *
 * Of what is possible it takes the earliest: a slow answer leaves seconds of doubt, and a stamp of the future is one that
 * others would have to wait for. In one process it never goes back. When Consul's clock was set back it stands still until that has caught up, and a
 * process that would have to stand still for long is told to end: the next one begins with the right time.
 */
export class RegistryClock {
  #offset: Offset | null = null;
  #last: Instant = 0;
  #isAhead = false;

  constructor(
    private readonly by: {
      readonly timing: Timing;
      /** This machine's wall clock: all there is before the first answer. */
      readonly wall: () => Instant;
      /** This clock is so far ahead that the process has to end. Called at most once. */
      readonly onAhead: () => void;
    },
  ) {}

  /** False: Consul has not said yet what time it is, or something else by now, so that nothing may be stamped or expire. */
  get isKnown(): boolean {
    return this.#offset !== null && !this.#isAhead;
  }

  now(): Instant {
    if (this.#offset === null) return this.by.wall();
    this.#last = Math.max(this.#last, Math.floor(this.by.timing.nowMs() + this.#offset.lowMs));
    return this.#last;
  }

  /** @param sentMs when the request was sent, by the monotonic clock */
  hear({ dateMs }: Pick<TransactAnswer, 'dateMs'>, sentMs: number): void {
    if (dateMs === null) return;
    const atMs = this.by.timing.nowMs();
    const heard = { lowMs: dateMs - atMs, highMs: dateMs + DATE_RESOLUTION_MS - sentMs, atMs };
    this.#offset = narrowed(this.#offset, heard);
    if (this.#isAhead || this.#last - (atMs + this.#offset.highMs) <= AHEAD_MAX_MS) return;
    this.#isAhead = true;
    this.by.onAhead();
  }
}

function narrowed(known: Offset | null, heard: Offset): Offset {
  if (known === null) return heard;
  const driftMs = (heard.atMs - known.atMs) * DRIFT;
  const lowMs = Math.max(known.lowMs - driftMs, heard.lowMs);
  const highMs = Math.min(known.highMs + driftMs, heard.highMs);
  return lowMs <= highMs ? { lowMs, highMs, atMs: heard.atMs } : heard;
}

/** The same transport, whose every dated answer this clock hears. */
export function heardBy(clock: RegistryClock, timing: Timing, transport: KvTransport): KvTransport {
  return {
    async transact(ops) {
      const sentMs = timing.nowMs();
      const answer = await transport.transact(ops);
      clock.hear(answer, sentMs);
      return answer;
    },
    readTrees: (prefixes) => transport.readTrees(prefixes),
    keys: (prefix) => transport.keys(prefix),
    folders: (prefix) => transport.folders(prefix),
    close: () => transport.close(),
  };
}
