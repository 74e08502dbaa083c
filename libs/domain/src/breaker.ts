/**
 * What is believed of one thing that calls go to: a source, or a part of it that fails for itself, such as a VM. Pure: time
 * and chance are handed in.
 *
 * - `closed`: calls go through. So many failures one after the other open it.
 * - `open`: none goes through until a while has passed, longer after each time in a row, up to a cap.
 * - `trial`: one goes through. If it ends well the breaker closes, else it opens again.
 */
export type BreakerState = 'closed' | 'open' | 'trial';

export interface BreakerPolicy {
  /** Failures one after the other that open it. */
  readonly failuresMax: number;
  /** How long it stays open the first time. */
  readonly openMs: number;
  readonly openMaxMs: number;
  /** A trial that has not ended after this is taken for lost, and another may begin. */
  readonly trialMs: number;
  /** From 0 up to 1. */
  readonly random: () => number;
}

/** How soon those who do not make the trial come back, and how far apart they then come. */
const TRIAL_WAIT_MS = 1000;

export class Breaker {
  private failuresInARow = 0;
  private opened = 0;
  private untilMs = 0;
  private is: BreakerState = 'closed';

  constructor(private readonly policy: BreakerPolicy) {}

  get state(): BreakerState {
    return this.is;
  }

  get failures(): number {
    return this.failuresInARow;
  }

  /** How long to wait before a call; nought: it may begin, and of an open breaker whose time has come it is the trial. */
  waitMs(nowMs: number): number {
    if (this.is === 'closed') return 0;
    const leftMs = this.untilMs - nowMs;
    if (leftMs > 0)
      return this.is === 'trial' ? this.jittered(TRIAL_WAIT_MS) : leftMs + this.jittered(TRIAL_WAIT_MS);
    this.is = 'trial';
    this.untilMs = nowMs + this.policy.trialMs;
    return 0;
  }

  /** A call ended. True: that changed what is believed. */
  ended(failed: boolean, nowMs: number): boolean {
    return failed ? this.failed(nowMs) : this.worked();
  }

  private worked(): boolean {
    this.failuresInARow = 0;
    // What began before it opened says nothing of now.
    if (this.is !== 'trial') return false;
    this.is = 'closed';
    this.opened = 0;
    return true;
  }

  private failed(nowMs: number): boolean {
    this.failuresInARow += 1;
    if (this.is === 'open') return false;
    if (this.is === 'closed' && this.failuresInARow < this.policy.failuresMax) return false;
    const { openMs, openMaxMs } = this.policy;
    const doublings = Math.min(this.opened, DOUBLINGS_MAX);
    this.opened += 1;
    this.is = 'open';
    this.untilMs = nowMs + this.jittered(Math.min(openMaxMs, openMs * 2 ** doublings));
    return true;
  }

  /** From a half to one and a half: those who wait for the same thing must not come at once. */
  private jittered(ms: number): number {
    return ms * (0.5 + this.policy.random());
  }
}

const DOUBLINGS_MAX = 20;
