import { PARK_REASONS } from '@plumbline/domain';
import type { ParkReason, Snapshot } from '@plumbline/domain';
import { intentFields } from './intent-fields.js';
import type { WorkerContext } from './ports.js';

/** What was found needs a person. */
export class Park extends Error {
  constructor(
    readonly reason: ParkReason,
    message: string,
  ) {
    super(message);
  }
}

/** An adapter may name the page that helps with what it found. */
export function parkReasonNamed(reason: string): ParkReason | null {
  return PARK_REASONS.find((known) => known === reason) ?? null;
}

/** Never silent: the log tells operators, and whoever waits for the intent learns that it does not go on. */
export function tellParked({ bell, log }: WorkerContext, snapshot: Snapshot): void {
  const head = snapshot.lane?.entries[0];
  if (head === undefined) return;
  const { reason, detail } = head.parked ?? {};
  log.error({ ...intentFields(snapshot), reason, detail }, 'intent is parked');
  bell.wake(snapshot.resource, head.intent);
}
