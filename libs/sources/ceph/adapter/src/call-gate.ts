import { BusyError, TransientError } from '@plumbline/domain';
import { deadlinePassed } from './errors.js';

/** How many may wait for their turn on one thing. */
const WAITING_MAX = 64;

/** Makes one native call after another; refuses to begin another one when nobody waits for the outcome any more. */
export interface Turn {
  call<T>(native: () => Promise<T>): Promise<T>;
  /** For what must be given back whatever happened, such as an open image. */
  release<T>(native: () => Promise<T>): Promise<T>;
}

/**
 * Bounds the native calls of this process, and ends our waiting for them. A call cannot be cancelled: when its caller's
 * signal is aborted the caller is told at once that the outcome is uncertain, and the call goes on. Until it has ended
 * nothing else is begun on the same thing, so that one's own late effect can never overtake a later call; and it keeps
 * its place among the open calls, so that libuv's pool always has threads left for everything else.
 */
export class CallGate {
  private open = 0;
  private closed = false;
  private readonly waitingForPlace: (() => void)[] = [];
  private readonly lines = new Map<string, { last: Promise<void>; length: number }>();
  private readonly works = new Set<Promise<unknown>>();

  constructor(private readonly openMax: number) {}

  /** Runs the work when all earlier work on this thing has ended. */
  async run<T>(
    { key, what, signal }: { key: string; what: string; signal: AbortSignal },
    work: (turn: Turn) => Promise<T>,
  ): Promise<T> {
    this.expectAsked(what, signal);
    const line = this.lines.get(key) ?? { last: Promise.resolve(), length: 0 };
    if (line.length >= WAITING_MAX) {
      throw new BusyError(`too many wait to ${what}`, { reason: 'ceph-line-full' });
    }
    const outcome = this.noted(line.last.then(() => work(this.turn(what, signal))));
    line.length += 1;
    line.last = outcome.then(ignore, ignore).then(() => {
      line.length -= 1;
      if (line.length === 0) this.lines.delete(key);
    });
    this.lines.set(key, line);
    return untilAborted(outcome, what, signal);
  }

  /** For what may be done beside everything else: bounded, but in no line. */
  async beside<T>(
    { what, signal }: { what: string; signal: AbortSignal },
    work: (turn: Turn) => Promise<T>,
  ): Promise<T> {
    this.expectAsked(what, signal);
    return untilAborted(this.noted(work(this.turn(what, signal))), what, signal);
  }

  /** Resolves when nothing is open on that thing. */
  async idle(key: string): Promise<void> {
    for (let line = this.lines.get(key); line !== undefined; line = this.lines.get(key)) await line.last;
  }

  /** Begins nothing any more, and resolves when everything that was begun has ended. */
  async close(): Promise<void> {
    this.closed = true;
    await Promise.allSettled(this.works);
  }

  private expectAsked(what: string, signal: AbortSignal): void {
    if (this.closed) throw closed(what);
    if (signal.aborted) throw deadlinePassed(what, signal);
  }

  private noted<T>(work: Promise<T>): Promise<T> {
    this.works.add(work);
    void work.then(ignore, ignore).finally(() => this.works.delete(work));
    return work;
  }

  private turn(what: string, signal: AbortSignal): Turn {
    const placed = async <T>(native: () => Promise<T>, refusal: () => Error | null): Promise<T> => {
      await this.enter();
      try {
        const refused = refusal();
        if (refused !== null) throw refused;
        return await native();
      } finally {
        this.leave();
      }
    };
    const refusal = () => {
      if (signal.aborted) return deadlinePassed(what, signal);
      return this.closed ? closed(what) : null;
    };
    return {
      call: (native) => placed(native, refusal),
      release: (native) => placed(native, () => null),
    };
  }

  private async enter(): Promise<void> {
    if (this.open < this.openMax) this.open += 1;
    else await new Promise<void>((resolve) => this.waitingForPlace.push(resolve));
  }

  /** Hands the place to whoever waits longest. */
  private leave(): void {
    const next = this.waitingForPlace.shift();
    if (next === undefined) this.open -= 1;
    else next();
  }
}

/** The outcome, or that it is uncertain as soon as the signal is aborted. */
export function untilAborted<T>(outcome: Promise<T>, what: string, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(deadlinePassed(what, signal));
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    void outcome.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

function closed(what: string): TransientError {
  return new TransientError(`could not ${what}: the connection to Ceph is closed`, { reason: 'ceph-closed' });
}

function ignore(): void {}
