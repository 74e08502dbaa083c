import type { Snapshot } from '@plumbline/domain';

/** What every log line about a lane's head says. */
export function intentFields({ resource, lane }: Snapshot): object {
  const head = lane?.entries[0];
  return {
    resource,
    intentId: head?.intent,
    kind: head?.kind,
    attempt: head?.attempt?.turn ?? head?.turns,
    requestId: head?.requestId,
  };
}
