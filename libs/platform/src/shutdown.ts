/**
 * A process ends in the reverse of the order in which its parts were started: whoever uses a part is gone before the part.
 * Every step has a limit and so has the whole, because a supervisor that waits for a hung process ends it in the middle of
 * something instead.
 */
import type { Log } from './log.js';
import { withDeadline } from './time.js';

interface Step {
  readonly name: string;
  readonly limitMs: number;
  readonly run: () => unknown;
}

interface ShutdownOptions {
  readonly log: Log;
  readonly limitMs?: number;
  /** Ends the process. */
  readonly exit?: (code: number) => void;
}

const LIMIT_MS = 15_000;
const STEP_LIMIT_MS = 10_000;

export class Shutdown {
  private readonly steps: Step[] = [];
  private readonly controller = new AbortController();
  private running: Promise<void> | null = null;
  private readonly log: Log;
  private readonly limitMs: number;
  private readonly exit: (code: number) => void;

  constructor({ log, limitMs = LIMIT_MS, exit = (code) => process.exit(code) }: ShutdownOptions) {
    this.log = log;
    this.limitMs = limitMs;
    this.exit = exit;
  }

  /** Aborted as soon as the process begins to end. */
  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** What is to be done at the end, before all that was named earlier. */
  atEnd(name: string, run: () => unknown, limitMs = STEP_LIMIT_MS): void {
    this.steps.push({ name, run, limitMs });
  }

  /** Ends the process at SIGTERM and SIGINT, at once at the second; and at an error that nobody caught. */
  listen(): void {
    for (const name of ['SIGTERM', 'SIGINT'] as const) {
      process.on(name, () => {
        if (this.running !== null) this.exit(1);
        else void this.run(name, 0);
      });
    }
    // A process that does not know its own state must not go on; what it had begun is taken over by another.
    process.on('uncaughtException', (err) => this.crash(err));
    process.on('unhandledRejection', (err) => this.crash(err));
  }

  /** Runs all steps, then ends the process; called again, it waits for the end that is under way. */
  run(why: string, code: number): Promise<void> {
    this.running ??= this.runSteps(why, code);
    return this.running;
  }

  private async runSteps(why: string, code: number): Promise<void> {
    this.log.info({ why }, 'shutting down');
    const timer = setTimeout(() => {
      this.log.error({ limitMs: this.limitMs }, 'shutdown took too long');
      this.exit(1);
    }, this.limitMs);
    this.controller.abort(new Error('the process is shutting down'));
    for (const { name, run, limitMs } of this.steps.toReversed()) {
      try {
        await withDeadline({ what: name, deadlineMs: limitMs }, async () => {
          await run();
        });
      } catch (err) {
        this.log.error({ err, step: name }, 'a step of the shutdown failed');
      }
    }
    clearTimeout(timer);
    this.log.info({ why }, 'shut down');
    this.log.flush();
    this.exit(code);
  }

  private crash(err: unknown): void {
    this.log.fatal({ err }, 'an error that nobody caught');
    this.exit(1);
  }
}
