/**
 * What a job says. A job is a doorbell: it names where to look and carries nothing that is written nowhere else, so that
 * the queue may be emptied at any time. Whatever else is found in a queue is dropped.
 */
import { isUuid } from '@plumbline/domain';
import type { AccountId, ResourceName } from '@plumbline/domain';

/** Look at this lane. */
export interface LaneJob {
  readonly resource: ResourceName;
  /** Whose it is, for who looks to find it sooner. Checked there. */
  readonly account?: AccountId;
  /** Goes before bulk work when it is rung anew. */
  readonly ahead?: true;
  /** It takes one of its account's places, to be given back when it ends. */
  readonly counted?: true;
}

/** Look at what is owed to this queue's source. */
export interface DrainJob {
  readonly drain: true;
}

export function parseLaneJob(data: unknown): LaneJob | null {
  const { resource, account, ahead, counted } = fieldsOf(data);
  if (typeof resource !== 'string' || !resource.startsWith('volume/')) return null;
  if (!isUuid(resource.slice('volume/'.length))) return null;
  return {
    resource: resource as ResourceName,
    ...(typeof account === 'string' && isUuid(account) ? { account: account as AccountId } : {}),
    ...(ahead === true ? { ahead } : {}),
    ...(counted === true ? { counted } : {}),
  };
}

export function parseDrainJob(data: unknown): DrainJob | null {
  return fieldsOf(data)['drain'] === true ? { drain: true } : null;
}

export function fieldsOf(data: unknown): Readonly<Record<string, unknown>> {
  return typeof data === 'object' && data !== null ? (data as Record<string, unknown>) : {};
}

/** Ended jobs stay for a while, for whoever looks at the board. BullMQ's own retries are off: tries are counted in the lane. */
export const JOB_OPTIONS = {
  attempts: 1,
  removeOnComplete: { age: 3600, count: 1000 },
  removeOnFail: { age: 24 * 3600, count: 5000 },
};
