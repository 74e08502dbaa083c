import { inspect } from '@plumbline/domain';
import type { FacetName, Json, Place, ScrubPace, Source, Turn, Unasked } from '@plumbline/domain';
import { UNKNOWN_LATENCY, adjusted, answered, nextTurn } from './pace.js';
import type { Latency } from './pace.js';
import type { ScrubberPorts } from './ports.js';

/** Shorter pauses cost more than they spare. */
const PAUSE_MIN_MS = 50;
/** Longer ones are made in parts, of which each is seen to end by whoever watches that a pass goes on. */
const PAUSE_MAX_MS = 5_000;
/** A listing that says nothing for so long is given up: longer than a host's worker has for all of its VMs. */
const LISTING_SILENCE_MS = 30_000;
/** What a key that is read beside records costs, a record being one: it is read in bulk. */
const BESIDE_RECORD = 1 / 50;
/** A look at one thing that is not answered in time is given up. */
const LOOK_MS = 10_000;

type GatePorts = Pick<
  ScrubberPorts,
  'monotonicMs' | 'sleep' | 'within' | 'progress' | 'volumesPerSecond' | 'sourcesPerSecond' | 'sources'
>;
/** Each sort of question has its own usual time, and each facet its own sorts. */
type Sort = 'read' | `${'list' | 'look at'} ${FacetName}`;
type Asked = ScrubPace['source'];

/** One source's pace, kept. */
class Pacer {
  private dueMs = Number.NEGATIVE_INFINITY;
  private readonly latencies = new Map<Sort, Latency>();
  private now: number;

  constructor(
    readonly source: Asked,
    readonly budget: number,
    private readonly ports: GatePorts,
  ) {
    this.now = budget;
  }

  get perSecond(): number {
    return this.now;
  }

  /** Waits until so many things more may be asked for. */
  async turn(things: number, signal: AbortSignal): Promise<void> {
    const of = { nowMs: this.ports.monotonicMs(), perSecond: this.now, things };
    const { dueMs, waitMs } = nextTurn(this.dueMs, of);
    this.dueMs = dueMs;
    if (waitMs <= PAUSE_MIN_MS) return;
    for (let leftMs = waitMs; leftMs > 0; leftMs -= PAUSE_MAX_MS)
      await this.ports.sleep(Math.min(leftMs, PAUSE_MAX_MS), signal);
  }

  /** How long a question takes says whether somebody else needs the source now; one that fails says nothing. */
  async timed<T>(sort: Sort, ask: () => Promise<T>): Promise<T> {
    const beganMs = this.ports.monotonicMs();
    const answer = await ask();
    const before = this.latencies.get(sort) ?? UNKNOWN_LATENCY;
    const { latency, risen } = answered(before, this.ports.monotonicMs() - beganMs);
    this.latencies.set(sort, latency);
    if (risen !== null) this.now = adjusted(this.now, { budget: this.budget, risen });
    return answer;
  }
}

/**
 * The only way by which the scrubber asks anybody: each source at its pace, and each question with an end. What does not
 * answer is unknown, and holds up nothing else.
 */
export class Gates {
  readonly registry: Pacer;
  /** The sources, each behind its gate. */
  readonly sources: readonly Source[];
  private readonly pacers = new Map<Asked, Pacer>();

  /** @param beside is done whenever what is read to list the registry has come a step further */
  constructor(
    private readonly ports: GatePorts,
    private readonly beside: (signal: AbortSignal) => Promise<void> = () => Promise.resolve(),
  ) {
    this.registry = this.pacerOf('registry');
    this.sources = ports.sources.map((source) => this.gated(source));
  }

  get paces(): readonly ScrubPace[] {
    return [...this.pacers.values()].map(({ budget, perSecond, source }) => ({ source, perSecond, budget }));
  }

  /** The turns of what is read of the registry to list it: in bulk, and for as long as it takes. */
  besideRecords(signal: AbortSignal): Turn {
    return async (things) => {
      await this.registry.turn(things * BESIDE_RECORD, signal);
      this.ports.progress?.();
      await this.beside(signal);
    };
  }

  private pacerOf(source: Asked): Pacer {
    const known = this.pacers.get(source);
    if (known !== undefined) return known;
    const { sourcesPerSecond = {}, volumesPerSecond } = this.ports;
    const pacer = new Pacer(source, sourcesPerSecond[source] ?? volumesPerSecond, this.ports);
    this.pacers.set(source, pacer);
    return pacer;
  }

  private gated(source: Source): Source {
    const { within } = this.ports;
    const pacer = this.pacerOf(source.facet.source);
    const sort: Sort = `look at ${source.facet.name}`;
    const look = async (place: Place, signal: AbortSignal, ask: (limited: AbortSignal) => Promise<Json>) => {
      await pacer.turn(1, signal);
      const by = { what: `${sort} ${place.key}`, deadlineMs: LOOK_MS, signal };
      return await pacer.timed(sort, () => within(by, ask));
    };
    return {
      facet: source.facet,
      observe: (place, signal) => look(place, signal, (limited) => source.observe(place, limited)),
      inspect: (place, signal) => look(place, signal, (limited) => inspect(source, place, limited)),
      confirm: async (place, want, signal) =>
        source.confirm
          ? await look(
              place,
              signal,
              async (limited) => (await source.confirm?.(place, want, limited)) ?? null,
            )
          : null,
      // What the registry holds comes beside its records; each of its answers has its turn and its end.
      list: (signal, unasked) =>
        pacer === this.registry
          ? source.list(signal, unasked, this.besideRecords(signal))
          : this.listed(source, pacer, { signal, unasked }),
    };
  }

  /** Each thing has its time, not the listing: of many things it takes as long as it takes. */
  private async *listed(
    source: Source,
    pacer: Pacer,
    { signal, unasked }: { signal: AbortSignal; unasked: Unasked | undefined },
  ): ReturnType<Source['list']> & AsyncGenerator {
    const { within } = this.ports;
    const sort: Sort = `list ${source.facet.name}`;
    const given = new AbortController();
    const stop = (): void => given.abort(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    try {
      const items = source.list(given.signal, unasked)[Symbol.asyncIterator]();
      const by = { what: sort, deadlineMs: LISTING_SILENCE_MS, signal };
      for (;;) {
        const next = await pacer.timed(sort, () => within(by, () => items.next()));
        if (next.done === true) return;
        yield next.value;
        await pacer.turn(1, signal);
      }
    } finally {
      signal.removeEventListener('abort', stop);
      // A listing that hangs is told to end, and not waited for.
      given.abort();
    }
  }
}
