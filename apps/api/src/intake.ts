import { Refusal } from '@plumbline/domain';
import type { ActionRecord, IntentId, ResourceName, VolumeRecord } from '@plumbline/domain';
import { admit } from '@plumbline/engine';
import type { AdmissionRequest, Admitted, EngineContext } from '@plumbline/engine';
import type { Log } from '@plumbline/platform';
import type { PendingBound } from './pending-bound.js';

/** An action that has ended, and the volume as it stood in the same instant. */
export interface Ended {
  readonly action: ActionRecord;
  readonly record: VolumeRecord | null;
}

/** Where an action is found; what a waiter is looked after by. */
export type ActionPlace = Pick<ActionRecord, 'account' | 'n' | 'resource' | 'intent' | 'internal'>;

/** Waits for intents, woken by whoever ends them. Null: the deadline passed first. */
export interface Waiting {
  waitFor(
    waiting: { intent: IntentId; resource: ResourceName },
    limits: { deadlineMs: number },
  ): Promise<Ended | null>;
}

/** Each action and its volume, read in one instant, in the order of the places. */
export type ReadEnds = (
  places: readonly ActionPlace[],
) => Promise<readonly { action: ActionRecord | null; record: VolumeRecord | null }[]>;

/**
 * What this process waits for, by intent: the doorbell names an intent, the registry is asked by account and number.
 * Several requests can wait for one intent, under one idempotency key.
 */
export class Awaited {
  private readonly places = new Map<IntentId, { readonly place: ActionPlace; waiters: number }>();

  constructor(private readonly read: ReadEnds) {}

  add(place: ActionPlace): void {
    const known = this.places.get(place.intent);
    if (known === undefined) this.places.set(place.intent, { place, waiters: 1 });
    else known.waiters += 1;
  }

  remove(intent: IntentId): void {
    const known = this.places.get(intent);
    if (known === undefined) return;
    known.waiters -= 1;
    if (known.waiters === 0) this.places.delete(intent);
  }

  /** Those that have ended; the others are left out. */
  readonly look = async (
    waiting: readonly { readonly intent: IntentId }[],
  ): Promise<ReadonlyMap<IntentId, Ended>> => {
    const places = waiting.flatMap(({ intent }) => this.places.get(intent)?.place ?? []);
    const found = await this.read(places);
    const ended = new Map<IntentId, Ended>();
    for (const { action, record } of found)
      if (action !== null && action.status !== 'in-progress') ended.set(action.intent, { action, record });
    return ended;
  };
}

export interface IntakeOptions {
  readonly engine: EngineContext;
  readonly waiting: Waiting;
  readonly awaited: Awaited;
  /** Bounds what waits. */
  readonly pending: Pick<PendingBound, 'refuse' | 'admitted'>;
  /** How long a request waits for its commit. */
  readonly waitMs: number;
  readonly log: Log;
}

/** Records what customers wish, and waits for it where they do. */
export class Intake {
  constructor(private readonly by: IntakeOptions) {}

  /** @throws Refusal; nothing is recorded then. */
  async record(request: AdmissionRequest): Promise<Admitted> {
    const { engine, pending } = this.by;
    pending.refuse(request.account.id, request.definition.resource(request.params));
    const admitted = await admit(engine, request);
    pending.admitted(request.account.id);
    this.logRecorded(admitted.action, request);
    return admitted;
  }

  /**
   * Waiting begins when the intent is recorded, before it is rung: no wake can be missed.
   * @throws Refusal `pending` when the commit did not come in time; the intent goes on.
   */
  async recordAndWait(request: AdmissionRequest): Promise<Ended> {
    let wait: Promise<Ended> | null = null;
    const recorded = (action: ActionRecord): void => {
      wait = this.waitFor(action);
      wait.catch(() => undefined);
    };
    const { action } = await this.record({ ...request, recorded });
    return await (wait ?? this.waitFor(action));
  }

  /** @throws Refusal `pending` */
  async waitFor(action: ActionPlace): Promise<Ended> {
    const { awaited, waiting, waitMs } = this.by;
    awaited.add(action);
    try {
      const ended = await waiting.waitFor(action, { deadlineMs: waitMs });
      if (ended !== null) return ended;
    } finally {
      awaited.remove(action.intent);
    }
    throw new Refusal(
      'service_unavailable',
      `The request is recorded as action ${action.n} and goes on; it did not end in time.`,
      { reason: 'pending', retryAfterMs: PENDING_RETRY_MS },
    );
  }

  private logRecorded(action: ActionRecord, { requestId }: AdmissionRequest): void {
    const { intent, kind, resource } = action;
    this.by.log.info({ intentId: intent, kind, resource, requestId }, 'intent recorded');
  }
}

/** What is late once is often late for long: whoever asks again need not do so at once. */
const PENDING_RETRY_MS = 2000;
