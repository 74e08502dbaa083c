import { Refusal, notFound } from '@plumbline/domain';
import type { AccountAsRead, ActionRecord, VolumeId } from '@plumbline/domain';
import type { AdmissionRequest } from '@plumbline/engine';
import { volumeDelete } from '@plumbline/intents';
import type { Ended, Intake } from '../intake.js';

export interface DeletionOrder {
  readonly account: AccountAsRead;
  readonly volumeId: VolumeId;
  readonly requestId: string;
  /** False: the answer is the action, at once. */
  readonly wait: boolean;
}

/** Deletes volumes: gone for the customer at the commit. */
export class Deletions {
  constructor(private readonly intake: Intake) {}

  /** Null: it is gone. @throws Refusal */
  async remove({ account, volumeId, requestId, wait }: DeletionOrder): Promise<ActionRecord | null> {
    const request: AdmissionRequest = { definition: volumeDelete, params: { volumeId }, account, requestId };
    if (!wait) return (await this.intake.record(request)).action;
    const why = whyNot(await this.intake.recordAndWait(request));
    if (why !== null) throw why;
    return null;
  }
}

/** An intent recorded before it may have changed the volume so that it cannot be deleted any more. */
function whyNot({ action, record }: Ended): Refusal | null {
  if (action.status === 'completed') return null;
  if (record === null) return notFound();
  return new Refusal('conflict', action.message ?? 'The volume cannot be deleted.');
}
