import { parseDrainJob, parseLaneJob } from './job.js';
import type { LaneJob } from './job.js';
import { jobProcessor } from './job-processor.js';
import type { JobContext, JobOutcome, JobProcessor, JobWork } from './job-processor.js';

type Work = Omit<JobWork<never>, 'parse' | 'handle'>;

/** Looks at the lanes that are rung at a worker's queue. */
export function laneProcessor(
  work: Work & { readonly handle: (lane: LaneJob, context: JobContext) => Promise<JobOutcome> },
): JobProcessor {
  return jobProcessor({ ...work, parse: parseLaneJob }) as JobProcessor;
}

/** Drains what is owed, one drain at a time in this process: it takes all there is. */
export function drainProcessor(
  work: Omit<Work, 'concurrency'> & { readonly handle: (context: JobContext) => Promise<JobOutcome> },
): JobProcessor {
  const { handle } = work;
  const processor = jobProcessor({
    ...work,
    concurrency: 1,
    parse: parseDrainJob,
    handle: (_job, context) => handle(context),
  });
  return processor as JobProcessor;
}
