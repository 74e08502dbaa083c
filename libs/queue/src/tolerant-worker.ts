import { Worker } from 'bullmq';
import type { Job, JobJson } from 'bullmq';

/**
 * A worker that survives what it cannot read. BullMQ leaves a job whose data are no JSON among the active ones, takes it
 * for stalled, and meets it again every half minute for ever; here it becomes a job that says nothing, and goes when it ends.
 */
export class TolerantWorker extends Worker {
  protected override createJob(json: JobJson, jobId: string): Job {
    try {
      return super.createJob(json, jobId);
    } catch {
      return super.createJob({ ...json, data: 'null', opts: { removeOnComplete: true } }, jobId);
    }
  }
}
