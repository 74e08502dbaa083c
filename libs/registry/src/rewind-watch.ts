import type { Testimony, Witness } from '@plumbline/domain';
import type { Halts, Standing } from './halts.js';
import type { Timing } from './timing.js';

/**
 * Sees that the registry was set back: restored from an older backup, or lost. What is in a registry cannot tell that it
 * is old, and its indexes prove nothing. So its `tick` is raised every few seconds, and kept by witnesses outside it; a
 * witness that remembers a higher one shows that the registry has forgotten something.
 *
 * What makes that sound is the order. The registry's tick is raised only by one whose witness knows the present one, and
 * the witness is told afterwards: so no witness is ever ahead of a registry that was not set back, and none that can be
 * asked lags by more than one. And a witness is always read *before* the registry, so that what was raised in between is
 * no rewind.
 */
export const TICK_INTERVAL_MS = 5_000;
/** Longest that a witness is waited for. */
const WITNESS_DEADLINE_MS = 5_000;

/**
 * `raises`: also raises the tick, for those whose witness the tick waits for. `keeps`: tells its witness of it. `reads`:
 * asks only, by a client that may not write.
 */
export type WatchRole = 'raises' | 'keeps' | 'reads';

export interface RewindWatchOptions {
  readonly halts: Halts;
  readonly witness: Witness;
  readonly role: WatchRole;
  readonly timing: Timing;
  /** How a round ended: null, or its error. The next one is due anyway. */
  readonly onRound?: (error: unknown) => void;
}

/** Whoever begins what destroys something asks this first. */
export interface RewindSense {
  /** True when the registry, as it stood when this was called or later, is known not to have been set back. */
  sure(): Promise<boolean>;
}

interface Look {
  readonly testimony: Testimony | null;
  /** The highest tick that was known before the registry was asked: what it said then may only be that, or more. */
  readonly highest: number;
  readonly standing: Standing;
}

export class RewindWatch implements RewindSense {
  /** The last tick seen, and since when. */
  #stood: { readonly tick: number | null; readonly sinceMs: number } | null = null;
  /** The highest tick this process ever saw: a witness of its own. */
  #highest = 0;
  #looking: Promise<boolean> | null = null;
  #next: Promise<boolean> | null = null;
  #cancel: (() => void) | null = null;
  #stopped = false;
  #remembered: number | null = null;

  constructor(private readonly options: RewindWatchOptions) {}

  /** The tick that the witness remembers, as last heard. */
  get remembered(): number | null {
    return this.#remembered;
  }

  /** One round now, and then one every five seconds. Resolves after the first. */
  async start(): Promise<void> {
    await this.#roundAndGoOn();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
  }

  /**
   * True when the registry, as it stood when this was called or later, is known not to have been set back. What destroys
   * something waits for that, *after* the reading by which it was decided. Those who ask at once share one look.
   */
  async sure(): Promise<boolean> {
    if (this.#looking === null) return this.#begin();
    this.#next ??= this.#looking.then(() => {
      this.#next = null;
      return this.#begin();
    });
    return this.#next;
  }

  #begin(): Promise<boolean> {
    this.#looking = this.#isFounded().finally(() => (this.#looking = null));
    return this.#looking;
  }

  async #isFounded(): Promise<boolean> {
    try {
      const look = await this.#look();
      const halted = await this.#halts(look);
      return !halted && look.testimony !== null && look.standing.tick !== null;
    } catch {
      return false; // Who cannot ask knows nothing.
    }
  }

  /** @throws when registry or witness cannot be asked */
  async round(): Promise<void> {
    const look = await this.#look();
    const halted = await this.#halts(look);
    if (this.options.role === 'reads') return;
    if (halted) await this.#keepHalt(look);
    else await this.#keepTick(look);
  }

  async #look(): Promise<Look> {
    const { halts, witness } = this.options;
    const testimony = await this.#within((signal) => witness.read(signal));
    const highest = this.#highest;
    const standing = await halts.read();
    this.#remembered = testimony?.tick ?? null;
    return { testimony, highest, standing };
  }

  /** Declares a halt where there must be one. @returns whether there is one */
  async #halts({ testimony, highest, standing }: Look): Promise<boolean> {
    const { halts, witness } = this.options;
    const tick = standing.tick ?? 0;
    const why = whyRewound(testimony, tick, highest);
    this.#highest = Math.max(this.#highest, tick);
    if (standing.halt !== null) return true;
    if (why === null) return false;
    const witnesses = testimony === null ? {} : { [witness.name]: testimony.tick };
    await halts.declare({ why, tick: standing.tick, witnesses });
    return true;
  }

  /** The witness remembers the halt too, at a tick that no backup can have: then no other restore ends it. */
  async #keepHalt({ testimony, standing }: Look): Promise<void> {
    const { halts, witness } = this.options;
    let kept = testimony;
    if (kept?.halted !== true) {
      kept = { tick: Math.max(testimony?.tick ?? 0, standing.tick ?? 0) + 1, halted: true };
      if (!(await this.#replace(testimony, kept))) return;
    }
    const now = standing.halt === null ? await halts.read() : standing;
    await halts.testify(witness.name, kept.tick, now);
  }

  async #keepTick({ testimony, standing }: Look): Promise<void> {
    const { tick } = standing;
    // An operator's word alone raises the tick above that of a halt: then the halt is over for the witness too.
    const isBehind = tick !== null && (testimony === null || testimony.halted || testimony.tick < tick);
    if (isBehind && !(await this.#replace(testimony, { tick, halted: false }))) return;
    if (this.options.role === 'raises' && this.#isOld(tick)) await this.#raise(standing);
  }

  /** The same tick for a whole interval, by this process's own monotonic clock. */
  #isOld(tick: number | null): boolean {
    const nowMs = this.options.timing.nowMs();
    if (this.#stood === null || this.#stood.tick !== tick) this.#stood = { tick, sinceMs: nowMs };
    // A little less, because it is looked at just so often.
    return tick === null || nowMs - this.#stood.sinceMs >= TICK_INTERVAL_MS / 2;
  }

  async #raise(standing: Standing): Promise<void> {
    if (!(await this.options.halts.raise(standing))) return;
    const before = standing.tick === null ? null : { tick: standing.tick, halted: false };
    const tick = (standing.tick ?? 0) + 1;
    this.#stood = { tick, sinceMs: this.options.timing.nowMs() };
    this.#highest = Math.max(this.#highest, tick);
    await this.#replace(before, { tick, halted: false });
  }

  async #replace(before: Testimony | null, after: Testimony): Promise<boolean> {
    const done = await this.#within((signal) => this.options.witness.replace({ before, after }, signal));
    if (done) this.#remembered = after.tick;
    return done;
  }

  async #within<T>(call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const controller = new AbortController();
    const clear = this.options.timing.after(WITNESS_DEADLINE_MS, () =>
      controller.abort(new Error(`the witness did not answer within ${WITNESS_DEADLINE_MS} ms`)),
    );
    try {
      return await call(controller.signal);
    } finally {
      clear();
    }
  }

  async #roundAndGoOn(): Promise<void> {
    try {
      await this.round();
      this.options.onRound?.(null);
    } catch (error) {
      this.options.onRound?.(error);
    }
    if (this.#stopped) return;
    this.#cancel = this.options.timing.after(TICK_INTERVAL_MS, () => void this.#roundAndGoOn());
  }
}

/** Why the registry, which says `tick`, must have been set back; null: nothing says so. */
function whyRewound(testimony: Testimony | null, tick: number, highest: number): string | null {
  if (testimony !== null && testimony.tick > tick) return 'a witness remembers a higher tick';
  if (testimony?.halted === true && testimony.tick === tick)
    return 'a witness remembers a halt that nobody ended';
  return tick < highest ? 'a running process has seen a higher tick' : null;
}
