import { ThrottledError } from '@plumbline/domain';
import type { Bell } from './bell.js';
import { parseDrainJob, parseLaneJob } from './job.js';
import type { LaneJob } from './job.js';
import { jobProcessor } from './job-processor.js';
import type { JobContext, JobOutcome, JobProcessor, JobWork } from './job-processor.js';

type Work = Omit<JobWork<never>, 'parse' | 'handle'>;

/** Looks at the lanes that are rung at a worker's queue, each in its account's turn. */
export function laneProcessor(
  work: Work & {
    readonly bell: Pick<Bell, 'ring' | 'leave'>;
    readonly handle: (lane: LaneJob, context: JobContext) => Promise<JobOutcome>;
  },
): JobProcessor {
  const { bell, handle, queue } = work;
  const inTurn = async (job: LaneJob, context: JobContext): Promise<JobOutcome> => {
    const { resource, account, ahead, counted } = job;
    // It comes back after a while, past its account's line: thousands that failed together would come before all others.
    if (!counted && account !== undefined && (await bell.ring(queue, resource, { account, ahead }))) return;
    let comesAgain = false;
    try {
      const outcome = await handle(job, context);
      comesAgain = outcome !== undefined;
      return outcome;
    } catch (error) {
      comesAgain = error instanceof ThrottledError;
      throw error;
    } finally {
      // A job that comes again keeps its account's place; any other calls the account's next lane.
      if (counted && !comesAgain) await bell.leave(queue, resource);
    }
  };
  return jobProcessor({ ...work, handle: inTurn, parse: parseLaneJob }) as JobProcessor;
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
