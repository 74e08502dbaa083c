import { TransientError, UncertainError } from '@plumbline/domain';
import type { SourceName } from '@plumbline/domain';
import type { Logger } from 'pino';
import { Gauge } from 'prom-client';
import type { Registry } from 'prom-client';
import { within } from './deadline.js';

const PROBE_MS = 1000;
const PING_MS = 5000;

interface SourceHealthOptions {
  readonly source: SourceName;
  /** Failures one after the other from which the source counts as down. */
  readonly failuresMax: number;
  /** Rejects while the source cannot be asked. */
  readonly ping: (signal: AbortSignal) => Promise<void>;
  /** What takes no jobs while the source is down. */
  readonly gates: readonly { hold(): Promise<void>; resume(): Promise<void> }[];
  readonly log: Logger;
  readonly metrics: Registry;
  readonly random?: () => number;
}

/**
 * While a source is down its worker takes no jobs: each would only fail, and the tries of intents are not to be spent on an
 * outage. It probes instead, and goes on by itself.
 */
export class SourceHealth {
  private failures = 0;
  private probing: NodeJS.Timeout | null = null;
  private isDown = false;
  private isClosed = false;
  private readonly up: Gauge<'source'>;
  private readonly random: () => number;

  constructor(private readonly options: SourceHealthOptions) {
    this.random = options.random ?? Math.random;
    this.up = new Gauge({
      name: 'plumbline_source_up',
      help: 'Whether this process takes jobs for the source.',
      labelNames: ['source'],
      registers: [options.metrics],
    });
    this.up.set({ source: options.source }, 1);
  }

  get down(): boolean {
    return this.isDown;
  }

  /** How a call ended: null, or its error. A refusal is an answer too; only silence and failure to reach count. */
  report(error: unknown): void {
    if (!(error instanceof TransientError || error instanceof UncertainError)) {
      this.failures = 0;
      return;
    }
    this.failures++;
    if (this.failures < this.options.failuresMax || this.isDown || this.isClosed) return;
    const { log, source } = this.options;
    log.warn({ source, failures: this.failures, err: error }, 'source is down: no more jobs are taken');
    this.change(true);
    this.probeLater();
  }

  close(): void {
    this.isClosed = true;
    if (this.probing !== null) clearTimeout(this.probing);
  }

  private change(isDown: boolean): void {
    const { gates, source, log } = this.options;
    this.isDown = isDown;
    this.failures = 0;
    this.up.set({ source }, isDown ? 0 : 1);
    for (const gate of gates) {
      const changed = isDown ? gate.hold() : gate.resume();
      changed.catch((err: unknown) => log.error({ err, source }, 'the gate of a source did not move'));
    }
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
      log.debug({ err, source }, 'source is still down');
      this.probeLater();
      return;
    } finally {
      controller.abort();
    }
    if (this.isClosed) return;
    log.info({ source }, 'source is back: jobs are taken again');
    this.change(false);
  }
}
