import { Breaker, BusyError, HeldError, TransientError, UncertainError } from '@plumbline/domain';
import type { BreakerState, SourceName } from '@plumbline/domain';
import type { Logger } from 'pino';
import { Gauge } from 'prom-client';
import type { Registry } from 'prom-client';
import { within } from './deadline.js';

const PROBE_MS = 1000;
const PROBE_MAX_MS = 5000;
const PING_MS = 5000;
/** A part's own times: nobody asks for it but those who have work there. */
const PART_OPEN_MS = 1000;
const PART_OPEN_MAX_MS = 5000;
/** A little more than the longest call. */
const TRIAL_MS = 20_000;
/** Parts that are remembered: those that have just failed. A host has no more VMs than this. */
const PARTS_MAX = 1000;
const STATE_VALUES: Readonly<Record<BreakerState, number>> = { closed: 0, trial: 1, open: 2 };

/** What takes no jobs while the source is away, and few when it has just come back. */
export interface Gate {
  hold(reason: 'outage'): Promise<void>;
  resume(reason: 'outage'): Promise<void>;
  /** Jobs at a time, at most; null: as many as it may otherwise. True: that is no less than it may otherwise. */
  slowTo(jobs: number | null): boolean;
}

interface OutagesOptions {
  readonly source: SourceName;
  /** Failures one after the other from which the source, or the part, counts as away. */
  readonly failuresMax: number;
  /** Rejects while the source cannot be asked. */
  readonly ping: (signal: AbortSignal) => Promise<void>;
  readonly gate: Gate;
  readonly log: Logger;
  readonly metrics: Registry;
  readonly random?: () => number;
  readonly nowMs?: () => number;
}

/** A breaker as operators see it. */
export interface BreakerShown {
  /** Null: the whole source. */
  readonly part: string | null;
  readonly state: BreakerState;
  readonly failures: number;
}

/**
 * While a source is away each job would only fail, and tries are not to be spent on an outage. So its worker takes none: it
 * probes, and goes on by itself, with one job, then two, then four, because what has just come back must not be met by all
 * who waited. Of a source whose parts fail for themselves only the lanes of a part that is away are put off.
 */
export class Outages {
  private readonly whole: Breaker;
  private readonly parts = new Map<string, Breaker>();
  private probing: NodeJS.Timeout | null = null;
  private isClosed = false;
  /** It did not answer when it was asked last. */
  private isSilent = false;
  /** Jobs at a time while it is coming back; null: it is back. */
  private slow: number | null = null;
  private readonly up: Gauge<'source'>;
  private readonly states: Gauge<'source' | 'part'>;
  private readonly random: () => number;
  private readonly nowMs: () => number;

  constructor(private readonly options: OutagesOptions) {
    const { metrics, source } = options;
    this.random = options.random ?? Math.random;
    this.nowMs = options.nowMs ?? (() => performance.now());
    this.whole = this.breaker(PROBE_MS, PROBE_MAX_MS);
    this.up = new Gauge({
      name: 'plumbline_source_up',
      help: 'Whether this process takes jobs for the source.',
      labelNames: ['source'],
      registers: [metrics],
    });
    this.states = new Gauge({
      name: 'plumbline_breaker_state',
      help: 'Whether calls go to a source, or to a part of it that has failed of late: 0 yes, 1 one on trial, 2 no.',
      labelNames: ['source', 'part'],
      registers: [metrics],
    });
    this.up.set({ source }, 1);
    this.states.set({ source, part: '' }, 0);
  }

  /** What has failed of late, the whole source first. */
  shown(): readonly BreakerShown[] {
    const parts = [...this.parts].map(([part, { state, failures }]) => ({ part, state, failures }));
    return [{ part: null, state: this.whole.state, failures: this.whole.failures }, ...parts];
  }

  /** How long to put off work on that part; nought: it may begin. A whole source needs none of it: its gate is shut. */
  waitMs(part: string | null): number {
    if (part === null) return 0;
    const waitMs = this.parts.get(part)?.waitMs(this.nowMs()) ?? 0;
    this.show(part);
    return waitMs;
  }

  /**
   * Whether failures there are an outage's, not an intent's. Of a whole source that is so when it does not answer at all:
   * one thing that always fails must not pass for an outage, and be tried for ever.
   */
  isAway(part: string | null): boolean {
    if (part === null) return this.isSilent;
    return (this.parts.get(part)?.state ?? 'closed') !== 'closed';
  }

  /** How a call ended: null, or its error. A refusal is an answer too; only silence and failure to reach count. */
  report(error: unknown, part: string | null = null): void {
    const failed =
      (error instanceof TransientError && !(error instanceof BusyError)) || error instanceof UncertainError;
    // What is held up is that one part, whatever the rest does.
    if (part === null) this.reportWhole(failed && !(error instanceof HeldError), error);
    else this.reportPart(part, failed, error);
  }

  close(): void {
    this.isClosed = true;
    if (this.probing !== null) clearTimeout(this.probing);
  }

  private reportWhole(failed: boolean, err: unknown): void {
    const { log, source } = this.options;
    const changed = this.whole.ended(failed, this.nowMs());
    if (this.isClosed) return;
    if (!failed) return this.speedUp();
    if (!changed) return;
    log.warn({ source, failures: this.whole.failures, err }, 'source is away: no more jobs are taken');
    this.slow = null;
    this.gate('hold');
    this.showWhole();
    void this.probe();
  }

  /** Each job that ends well while it is coming back makes room for one more: one, two, four, eight. */
  private speedUp(): void {
    if (this.slow === null) return;
    this.slow += 1;
    if (this.options.gate.slowTo(this.slow)) {
      this.slow = null;
      this.options.gate.slowTo(null);
    }
    this.showWhole();
  }

  private reportPart(part: string, failed: boolean, err: unknown): void {
    const { log, source } = this.options;
    const known = this.parts.get(part);
    if (known === undefined && (!failed || this.parts.size >= PARTS_MAX)) return;
    const breaker = known ?? this.breaker(PART_OPEN_MS, PART_OPEN_MAX_MS);
    this.parts.set(part, breaker);
    const changed = breaker.ended(failed, this.nowMs());
    if (changed && breaker.state === 'open')
      log.warn(
        { source, part, failures: breaker.failures, err },
        'a part of the source is away: its lanes wait',
      );
    if (changed && breaker.state === 'closed') log.info({ source, part }, 'a part of the source is back');
    if (breaker.state === 'closed' && breaker.failures === 0) this.parts.delete(part);
    this.show(part);
  }

  private breaker(openMs: number, openMaxMs: number): Breaker {
    const { failuresMax } = this.options;
    const { random } = this;
    return new Breaker({ failuresMax, openMs, openMaxMs, trialMs: TRIAL_MS, random });
  }

  private gate(what: 'hold' | 'resume'): void {
    const { gate, log, source } = this.options;
    gate[what]('outage').catch((err: unknown) =>
      log.error({ err, source }, 'the gate of a source did not move'),
    );
  }

  private probeLater(): void {
    if (this.isClosed) return;
    this.probing = setTimeout(() => void this.probe(), PROBE_MS * (0.5 + this.random()));
  }

  private async probe(): Promise<void> {
    const { ping, source, log } = this.options;
    const controller = new AbortController();
    try {
      await within({ what: `asking ${source}`, deadlineMs: PING_MS }, ping(controller.signal));
    } catch (err) {
      log.debug({ err, source }, 'source is still away');
      this.isSilent = true;
      this.probeLater();
      return;
    } finally {
      controller.abort();
    }
    if (this.isClosed) return;
    this.isSilent = false;
    // It answered before and its calls failed all the same: then the next trial is not to come at once.
    if (this.whole.waitMs(this.nowMs()) > 0) return this.probeLater();
    log.info({ source }, 'source answers again: one job is taken, then more');
    this.slow = 1;
    this.options.gate.slowTo(this.slow);
    this.gate('resume');
    this.showWhole();
  }

  private showWhole(): void {
    const { source } = this.options;
    this.up.set({ source }, this.whole.state === 'open' ? 0 : 1);
    this.states.set({ source, part: '' }, STATE_VALUES[this.whole.state]);
  }

  private show(part: string): void {
    const { source } = this.options;
    const breaker = this.parts.get(part);
    if (breaker === undefined) this.states.remove({ source, part });
    else this.states.set({ source, part }, STATE_VALUES[breaker.state]);
  }
}
