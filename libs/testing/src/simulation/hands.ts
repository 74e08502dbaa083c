import { BusyError, RejectedError, TransientError, UncertainError } from '@plumbline/domain';
import type {
  Applied,
  Backend,
  Change,
  Facet,
  FacetName,
  Json,
  Place,
  Source,
  Step,
  StepMode,
} from '@plumbline/domain';
import { never } from './consul-link.js';
import { isLook } from './faults.js';
import type { CallFault, CallPoint } from './faults.js';
import type { SimulatedProcess } from './process.js';
import { POLICY } from './process.js';
import { listed } from './truth.js';
import type { World } from './world.js';

/** When a call that is not answered must have been given up at the latest. */
const GIVEN_UP_MS = 2 * POLICY.deadlineMs;
const LOST_MS = 15_000;

const DESTROYS: ReadonlySet<string> = new Set<StepMode>(['release', 'remove']);
/** The engine names the place by the step itself. */
type StepPlace = Place & Partial<Pick<Step, 'mode'>>;

/** What one call may do: the fault, if there is one, befalls the first operation that changes something. */
export interface Call {
  readonly place: Place;
  readonly what: string;
  /** In whose name it was begun. */
  readonly attempt: number;
  /** Of a call that changes nothing: that of any. */
  fault(changes: boolean): CallFault | null;
}

/** What there is now; or that it is gone, but by nobody's hand; or when to ask again. */
export type Done<Seen> = Seen | null | { readonly lost: true } | { readonly waitMs: number };

/** How an adapter does its part, in operations that the source carries out one by one. */
export interface Protocol<Want extends Json, Seen extends Json> {
  readonly facet: Facet<Want, Seen>;
  /** What a change is, for whom faults wait for it. */
  pointOf(change: Change, undoes: boolean): CallPoint;
  look(call: Call): Promise<Seen | null>;
  apply(call: Call, want: Want | null, before: Seen | null): Promise<Done<Seen>>;
  undo(call: Call, want: Want | null, before: Seen | null): Promise<Done<Seen>>;
  list(): Iterable<readonly [string, Seen]>;
}

/** The half of it that the scrubber needs. */
export interface Looking<Want extends Json, Seen extends Json> {
  readonly facet: Facet<Want, Seen>;
  readonly look: (call: Call) => Promise<Seen | null>;
}

/**
 * A process's hands on one source: whatever an adapter promises the engine. One call at a time on a thing; who gives a call
 * up is told so at once, and the call goes on; `idle` waits for it. It also watches how the engine uses them.
 */
export class Hands {
  private readonly lines = new Map<string, { last: Promise<unknown>; length: number }>();
  /** In which attempt a thing was looked at last; whatever was tried since has to be looked for anew. */
  private readonly looked = new Map<string, number>();

  constructor(
    private readonly world: World,
    private readonly process: SimulatedProcess,
  ) {}

  backendOf<Want extends Json, Seen extends Json>(
    protocol: Protocol<Want, Seen>,
  ): readonly [FacetName, Backend] {
    const { facet } = protocol;
    const backend: Backend = {
      facet: facet,
      observe: (place, signal) =>
        this.call(
          { place, what: `looks at ${facet.name}`, point: this.lookAt(place), signal },
          async (call) => {
            const seen = await protocol.look(call);
            this.looked.set(place.key, this.attemptAt(place));
            return seen;
          },
        ),
      apply: (place, change, signal) => {
        this.expectLooked(place, change, facet);
        if (DESTROYS.has((place as StepPlace).mode ?? '')) this.expectSure(place, facet);
        return this.change(protocol, 'apply', { place, change, signal });
      },
      undo: (place, change, signal) => {
        this.expectSure(place, facet);
        return this.change(protocol, 'undo', { place, change, signal });
      },
      idle: async ({ key }) => {
        for (let line = this.lines.get(key); line !== undefined; line = this.lines.get(key)) await line.last;
      },
      async *list() {
        for (const [key, seen] of protocol.list()) yield { key, seen };
      },
    };
    return [facet.name, backend];
  }

  /** For the scrubber, which only looks: in nobody's turn. */
  sourceOf<Want extends Json, Seen extends Json>({ facet, look }: Looking<Want, Seen>): Source {
    return {
      facet,
      observe: (place, signal) =>
        this.call({ place, what: `scrubs ${facet.name}`, point: 'look', signal, attempt: 0 }, look),
      list: () => listed(this.world, this.process, facet),
    };
  }

  private async change<Want extends Json, Seen extends Json>(
    protocol: Protocol<Want, Seen>,
    how: 'apply' | 'undo',
    { place, change, signal }: { place: Place; change: Change; signal: AbortSignal },
  ): Promise<Applied> {
    const point = protocol.pointOf(change, how === 'undo');
    const what = `${how} ${protocol.facet.name}`;
    this.looked.delete(place.key);
    return await this.call({ place, what, point, signal }, async (call) => {
      const end = await protocol[how](call, change.want as Want | null, change.before as Seen | null);
      if (typeof end !== 'object' || end === null) return { seen: end };
      if ('waitMs' in end) return { waitMs: end.waitMs as number };
      return 'lost' in end ? { seen: null, lost: true as const } : { seen: end as Json };
    });
  }

  private call<T>(
    by: { place: Place; what: string; point: CallPoint; signal: AbortSignal; attempt?: number },
    work: (call: Call) => Promise<T>,
  ): Promise<T> {
    const { process } = this;
    const { place, what, point, signal } = by;
    if (process.state === 'dead') return never();
    const struck = process.strikeAt(point);
    struck?.('before');
    const line = this.lines.get(place.key) ?? { last: Promise.resolve(), length: 0 };
    const attempt = by.attempt ?? this.attemptAt(place);
    const within = (): void => struck?.('within');
    const outcome = line.last.then(() =>
      this.befallen({ place, what, point, signal, attempt, within }, work),
    );
    line.length += 1;
    line.last = outcome.then(ignore, ignore).then(() => {
      line.length -= 1;
      if (line.length === 0) this.lines.delete(place.key);
    });
    this.lines.set(place.key, line);
    this.expectGivenUp(outcome, place, what, signal);
    return new Promise((resolve, reject) => {
      const giveUp = (): void => reject(new UncertainError(`${what}: no answer`, { reason: 'deadline' }));
      if (signal.aborted) return giveUp();
      signal.addEventListener('abort', giveUp, { once: true });
      outcome.then(
        (value) => {
          resolve(value);
          struck?.('after');
        },
        (error: unknown) => {
          reject(error instanceof Error ? error : new Error(String(error)));
          struck?.('after');
        },
      );
    });
  }

  private async befallen<T>(
    by: {
      place: Place;
      what: string;
      point: CallPoint;
      signal: AbortSignal;
      attempt: number;
      within: () => void;
    },
    work: (call: Call) => Promise<T>,
  ): Promise<T> {
    const { world, process } = this;
    const { place, what, point } = by;
    if (by.signal.aborted) throw new UncertainError(`${what}: nobody waits any more`, { reason: 'deadline' });
    const isRefusing = world.isRefusing(process.role, place.key);
    const isBusy = world.isBusy(place.key) && !isLook(point);
    const isRefused = isRefusing || isBusy;
    if (isRefusing) world.wereBusy.add(world.volumeOf(place.key));
    let fault = isRefused ? 'call-refused-for-now' : world.faults.ofCall(point);
    const mine = (how: string) => ({ owner: process, what: `${what} ${how}`, about: place.key });
    if (fault === 'call-refused-for-now' || fault === 'call-refused') {
      await world.pool.wait(process.latencyMs(), mine('is refused'));
      // One thing that is busy says nothing of its source, and must never count as an outage, which costs no tries.
      if (isBusy) throw new BusyError('the volume is busy', { reason: 'busy' });
      if (fault === 'call-refused-for-now') throw new TransientError('refused for now', { reason: 'busy' });
      world.refusedAt(place.key);
      throw new RejectedError('refused', { reason: 'refused' });
    }
    if (fault === 'call-lost') {
      await world.pool.wait(process.random.between(1_000, LOST_MS), mine('is given up'));
      throw new UncertainError('no answer', { reason: 'lost' });
    }
    const isLost = fault === 'call-reply-lost';
    let isWithin = false;
    const call: Call = {
      place,
      what,
      attempt: by.attempt,
      fault: (changes) => {
        if (!isWithin && (changes || isLook(point))) {
          isWithin = true;
          queueMicrotask(by.within);
        }
        if (!changes && !isLook(point)) return null;
        const befalls = fault;
        fault = null;
        return befalls;
      },
    };
    const result = await work(call);
    if (isLost) throw new UncertainError('no answer', { reason: 'lost' });
    return result;
  }

  private lookAt(place: Place): CallPoint {
    const isTakenOver = this.world.register.takenFrom(this.attemptAt(place)).length > 0;
    return isTakenOver ? 'look-taken-over' : 'look';
  }

  private attemptAt({ key }: Place): number {
    const { world, process } = this;
    return world.register.attemptOf(world.volumeOf(key), process.boot);
  }

  /** C5: whoever does something again looks first; and a name that nobody else can have made needs that at its first try only. */
  private expectLooked(place: Place, { want }: Change, facet: { name: FacetName }): void {
    const { world } = this;
    const volume = world.volumeOf(place.key);
    const attempt = this.attemptAt(place);
    const isFirst =
      facet.name === 'ceph.image' && want !== null && world.register.firstTried(place.key) > attempt;
    world.register.noteTried(place.key, attempt);
    if (isFirst || this.looked.get(place.key) === attempt) return;
    world.mistake('C5', `${this.process.name} did ${facet.name} again without looking`, `volume/${volume}`);
  }

  /** A4: what destroys something is begun in the very event in which the registry was known not to have been set back. */
  private expectSure({ key }: Place, { name }: { name: FacetName }): void {
    const { world, process } = this;
    if (process.sureAt === world.pool.happened) return;
    const volume = `volume/${world.volumeOf(key)}`;
    world.mistake('A4', `${process.name} takes ${name} away, sure of nothing`, volume);
  }

  /** B1: whoever calls has given up by then, unless it sleeps. */
  private expectGivenUp(outcome: Promise<unknown>, place: Place, what: string, signal: AbortSignal): void {
    const { world, process } = this;
    let isOpen = true;
    const ended = (): void => void (isOpen = false);
    outcome.then(ended, ended);
    const cancel = world.pool.after(GIVEN_UP_MS, { owner: process, what: 'has it given up' }, () => {
      if (isOpen && !signal.aborted)
        world.mistake('B1', `a call has no deadline: ${what}`, `volume/${world.volumeOf(place.key)}`);
    });
    outcome.then(cancel, cancel);
  }
}

function ignore(): void {}
