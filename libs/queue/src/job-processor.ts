import { ThrottledError } from '@plumbline/domain';
import type { QueueName } from '@plumbline/domain';
import { OnWorkerEvent, Processor, WorkerHost } from '@nestjs/bullmq';
import { Worker } from 'bullmq';
import type { Job } from 'bullmq';
import type { Logger } from 'pino';
import { Counter, Histogram } from 'prom-client';
import type { Registry } from 'prom-client';
import { JOB_OPTIONS } from './job.js';
import { Trouble } from './trouble.js';

export interface JobContext {
  /** Aborted when the process begins to end: begin nothing new, hand back what was begun. */
  readonly signal: AbortSignal;
  readonly jobId: string;
}

/** Nothing: done. `throttledMs`: the queue pauses that long for every worker, and the job comes again. */
export type JobOutcome = void | { readonly throttledMs: number };

/** Why a process takes no jobs: its source is away, or an operator has paused the queue. */
export type HoldReason = 'outage' | 'paused';

export interface JobWork<J> {
  readonly queue: QueueName;
  /** The process's name: ended jobs say who took them. */
  readonly by?: string;
  readonly concurrency: number;
  /** Jobs a second over all workers of the queue; absent or nought: no limit. */
  readonly ratePerSecond?: number;
  readonly log: Logger;
  readonly metrics: Registry;
  /** Null for what is none of this queue's jobs. */
  readonly parse: (data: unknown) => J | null;
  readonly handle: (job: J, context: JobContext) => Promise<JobOutcome>;
}

/** How long a silent worker keeps its jobs; a late second run of a job is harmless, a lane that nobody looks at is swept. */
const LOCK_MS = 30_000;
/** A job that outlives many workers is still only a look at a lane, never a reason to fail. */
const STALLS_MAX = 1_000_000;
/** Throttling works only on a queue that has a limiter; this one never limits by itself. */
export const RATE_UNLIMITED = 1_000_000;
/** How soon a worker asks again that lost its connection in the middle of a command; BullMQ would wait fifteen seconds. */
const RETRY_MS = 1000;
const THROTTLE_MAX_MS = 60_000;

/** Takes the jobs of one queue. Whatever a job or its handler does, the worker lives. */
export class JobProcessor<J = unknown> extends WorkerHost {
  readonly queue: QueueName;
  private readonly log: Logger;
  private readonly trouble: Trouble;
  private readonly controller = new AbortController();
  private readonly seconds: Histogram<'queue'>;
  private readonly outcomes: Counter<'queue' | 'outcome'>;
  private readonly holds = new Set<HoldReason>();
  private jobs: number;
  private slow: number | null = null;

  constructor(private readonly work: JobWork<J>) {
    super();
    this.queue = work.queue;
    this.jobs = work.concurrency;
    this.log = work.log;
    this.trouble = new Trouble(work.log, `taking jobs of ${work.queue}`);
    this.seconds = metric(work.metrics, 'plumbline_job_seconds', (name) => {
      const help = 'How long jobs took.';
      return new Histogram({ name, help, labelNames: ['queue'], registers: [work.metrics] });
    });
    this.outcomes = metric(work.metrics, 'plumbline_jobs_total', (name) => {
      const help = 'Jobs by outcome.';
      return new Counter({ name, help, labelNames: ['queue', 'outcome'], registers: [work.metrics] });
    });
  }

  async process(job: Job<unknown>): Promise<string> {
    const parsed = this.work.parse(job.data);
    if (parsed === null) {
      this.log.warn({ queue: this.queue, jobId: job.id, data: typeof job.data }, 'dropped a malformed job');
      return this.count('dropped');
    }
    const throttledMs = await this.handle(parsed, job.id ?? '');
    if (throttledMs === null) return this.count('done');
    this.count('throttled');
    await this.worker.rateLimit(Math.min(THROTTLE_MAX_MS, Math.max(1, Math.ceil(throttledMs))));
    throw Worker.RateLimitError();
  }

  private async handle(parsed: J, jobId: string): Promise<number | null> {
    const endTimer = this.seconds.startTimer({ queue: this.queue });
    try {
      const outcome = await this.work.handle(parsed, { signal: this.controller.signal, jobId });
      return outcome?.throttledMs ?? null;
    } catch (err) {
      if (err instanceof ThrottledError) return err.retryAfterMs;
      this.count('failed');
      this.log.error({ err, queue: this.queue, jobId, ...resourceOf(parsed) }, 'job failed');
      throw err;
    } finally {
      endTimer();
    }
  }

  /** Takes no more jobs, for this reason or another; those under way go on. */
  async hold(reason: HoldReason): Promise<void> {
    this.holds.add(reason);
    await this.worker.pause(true);
  }

  async resume(reason: HoldReason): Promise<void> {
    this.holds.delete(reason);
    if (this.holds.size === 0 && !this.controller.signal.aborted) await this.worker.resume();
  }

  /** Why it takes no jobs now; empty: it does. */
  get held(): readonly HoldReason[] {
    return [...this.holds];
  }

  /** Jobs at a time, from the next job on. */
  setConcurrency(jobs: number): void {
    this.jobs = jobs;
    this.applyConcurrency();
  }

  /** Jobs at a time as it is now, whatever is set. */
  get concurrency(): number {
    return Math.min(this.jobs, this.slow ?? this.jobs);
  }

  /** No more than so many at a time for now; null: as many as are set. True: that is no less than what is set. */
  slowTo(jobs: number | null): boolean {
    this.slow = jobs;
    this.applyConcurrency();
    return jobs === null || jobs >= this.jobs;
  }

  private applyConcurrency(): void {
    this.worker.concurrency = this.concurrency;
  }

  /** Nest calls this first when it closes; afterwards the worker waits for the jobs under way. */
  async onModuleDestroy(): Promise<void> {
    this.controller.abort(new Error('the process is shutting down'));
    await this.worker.pause(true);
  }

  @OnWorkerEvent('error')
  onError(error: Error): void {
    this.trouble.failed(error);
  }

  @OnWorkerEvent('active')
  onActive(): void {
    this.trouble.worked();
  }

  @OnWorkerEvent('stalled')
  onStalled(jobId: string): void {
    this.log.info({ queue: this.queue, jobId }, 'job of a silent worker taken back');
  }

  private count(outcome: 'done' | 'failed' | 'dropped' | 'throttled'): string {
    this.outcomes.inc({ queue: this.queue, outcome });
    return this.work.by === undefined ? outcome : `${outcome} by ${this.work.by}`;
  }
}

/** Queue names come from the configuration, so each processor gets a class of its own to carry Nest's decoration. */
export function jobProcessor<J>(work: JobWork<J>): JobProcessor<J> {
  class ConfiguredProcessor extends JobProcessor<J> {}
  const max =
    work.ratePerSecond === undefined || work.ratePerSecond === 0 ? RATE_UNLIMITED : work.ratePerSecond;
  Processor(
    { name: work.queue },
    {
      concurrency: work.concurrency,
      limiter: { max, duration: 1000 },
      lockDuration: LOCK_MS,
      maxStalledCount: STALLS_MAX,
      runRetryDelay: RETRY_MS,
      // For jobs that strangers added without saying.
      removeOnComplete: JOB_OPTIONS.removeOnComplete,
      removeOnFail: JOB_OPTIONS.removeOnFail,
    },
  )(ConfiguredProcessor);
  return new ConfiguredProcessor(work);
}

/** Several queues of a process share a metric. */
function metric<M>(metrics: Registry, name: string, create: (name: string) => M): M {
  return (metrics.getSingleMetric(name) as M | undefined) ?? create(name);
}

function resourceOf(job: unknown): { resource?: unknown } {
  return typeof job === 'object' && job !== null && 'resource' in job ? { resource: job.resource } : {};
}
