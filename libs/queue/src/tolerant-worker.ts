import { Worker } from 'bullmq';
import type { Job, JobJson } from 'bullmq';

/** How long closing may take once no handler runs any more. */
const CLOSE_MS = 2000;

/** A worker that survives what it cannot read, and closes whatever Redis does. */
export class TolerantWorker extends Worker {
  private readonly handlers = new Set<Promise<unknown>>();
  private ending: Promise<void> | null = null;

  /**
   * BullMQ leaves a job whose data are no JSON among the active ones, takes it for stalled, and meets it again every half
   * minute for ever; here it becomes a job that says nothing, and goes when it ends.
   */
  protected override createJob(json: JobJson, jobId: string): Job {
    try {
      return super.createJob(json, jobId);
    } catch {
      return super.createJob({ ...json, data: 'null', opts: { removeOnComplete: true } }, jobId);
    }
  }

  protected override async callProcessJob(job: Job, token: string, signal?: AbortSignal): Promise<unknown> {
    const run = super.callProcessJob(job, token, signal);
    this.handlers.add(run);
    try {
      return (await run) as unknown;
    } finally {
      this.handlers.delete(run);
    }
  }

  /**
   * Waits for the handlers under way. While a connection is being made anew BullMQ would wait for its end for ever; what is
   * lost by not waiting is a job's last word, and the job is looked at once more.
   */
  override close(force = false): Promise<void> {
    this.ending ??= this.closeInTime(force);
    return this.ending;
  }

  private async closeInTime(force: boolean): Promise<void> {
    const closed = super.close(force);
    await Promise.race([closed, Promise.allSettled([...this.handlers])]);
    if (await settlesWithin(closed, CLOSE_MS)) return;
    await this.lockManager.close();
    const { client, blockingClient } = this.getBackend();
    for (const connection of [client, blockingClient]) {
      void connection?.then(
        (open) => open.disconnect(),
        () => undefined,
      );
    }
  }
}

async function settlesWithin(promise: Promise<void>, limitMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), limitMs);
  });
  try {
    return await Promise.race([promise.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
