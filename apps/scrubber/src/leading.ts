import { Counter, sleep } from '@plumbline/platform';
import type { Metrics } from '@plumbline/platform';
import type { Log } from '@plumbline/engine';
import { Watchdog } from './watchdog.js';

const FOLLOW_MS = 2000;
const TICK_MS = 5000;
/** Every wait of a round is shorter, and every question to a source has an end before. */
const STALLED_MS = 60_000;

export interface LeaderPorts {
  readonly log: Log & { fatal(fields: object, message: string): void };
  readonly metrics: Metrics;
  readonly leadership: { hold(): Promise<boolean> };
  readonly signal: AbortSignal;
  /** While the registry is halted nothing is begun. */
  readonly isHalted: () => boolean;
  /** Nothing of what was known counts any more. */
  readonly forget: () => void;
  /** Ends this process at once. */
  exit(code: number): void;
}

/** Rounds that are done again and again while this process leads; who follows looks often whether the lead is free. */
export class Leader {
  private readonly watchdogs = new Map<string, Watchdog>();
  private readonly timer: NodeJS.Timeout;
  private leads = false;

  constructor(
    private readonly by: LeaderPorts,
    { tickMs = TICK_MS }: { tickMs?: number } = {},
  ) {
    this.timer = setInterval(() => this.tick(), tickMs);
    this.timer.unref();
  }

  /** As it was when it was asked last. */
  get isLeading(): boolean {
    return this.leads;
  }

  watchdogOf(what: string): Watchdog {
    const known = this.watchdogs.get(what) ?? new Watchdog(STALLED_MS / TICK_MS);
    this.watchdogs.set(what, known);
    return known;
  }

  /** Ends when the process does. */
  async rounds(what: string, everyMs: number, round: () => Promise<void>): Promise<void> {
    const { log, metrics, signal } = this.by;
    const watchdog = this.watchdogOf(what);
    const failures = new Counter({
      name: `plumbline_${what}_failures_total`,
      help: `Rounds of the ${what} that failed.`,
      registers: [metrics],
    });
    while (!signal.aborted) {
      let waitMs = FOLLOW_MS;
      watchdog.begin();
      try {
        if (await this.mayBegin()) {
          waitMs = everyMs;
          await round();
        }
      } catch (err) {
        if (signal.aborted) break;
        failures.inc();
        log.warn({ err, what }, 'round failed');
      }
      watchdog.end();
      await sleep(waitMs, signal).catch(() => undefined);
    }
    watchdog.end();
    clearInterval(this.timer);
  }

  private async mayBegin(): Promise<boolean> {
    const { forget, isHalted, leadership } = this.by;
    if (isHalted()) {
      forget();
      this.leads = false;
      return false;
    }
    this.leads = await leadership.hold();
    return this.leads;
  }

  /** Whoever lives and hangs keeps the lead; once its process has ended another has it within seconds. */
  private tick(): void {
    const stalled = [...this.watchdogs].filter(([, watchdog]) => watchdog.tick()).map(([what]) => what);
    if (stalled.length === 0) return;
    this.by.log.fatal({ stalled }, 'a round stands still: the process ends, so that another leads');
    this.by.exit(1);
  }
}
