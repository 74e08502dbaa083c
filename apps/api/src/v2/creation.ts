import { createHash } from 'node:crypto';
import { Refusal, RejectedError } from '@plumbline/domain';
import type {
  AccountAsRead,
  ActionNumber,
  ActionRecord,
  Instant,
  VolumeId,
  VolumeRecord,
} from '@plumbline/domain';
import { recordOnce } from '@plumbline/engine';
import type { AdmissionRequest } from '@plumbline/engine';
import { volumeCreate } from '@plumbline/intents';
import type { Ended, Intake } from '../intake.js';
import type { Actions, Requests } from '@plumbline/registry';
import { createParams } from './bodies.js';
import type { CreateWish } from './bodies.js';

const KEY = /^[\x20-\x7e]{1,255}$/;

export interface CreationOrder {
  readonly account: AccountAsRead;
  readonly wish: CreateWish;
  readonly requestId: string;
  readonly idempotencyKey: string | undefined;
  /** False: the answer is the action, at once. */
  readonly wait: boolean;
}

export type Creation = { readonly volume: VolumeRecord } | { readonly action: ActionRecord };

interface CreationOptions {
  readonly intake: Intake;
  readonly actions: Actions;
  readonly requests: Requests;
  readonly newId: () => string;
}

/**
 * Makes volumes, at most one for each idempotency key: whoever comes again with a key and the same body gets what the
 * first one got, or waits for it.
 */
export class Creations {
  constructor(private readonly by: CreationOptions) {}

  /** @throws Refusal */
  async create(order: CreationOrder): Promise<Creation> {
    const { account, idempotencyKey: key, wish } = order;
    if (key === undefined) return await this.record(order, this.admission(order));
    if (!KEY.test(key)) throw unprocessable('Idempotency-Key must be 1 to 255 printable characters');
    const bodyHash = createHash('sha256').update(JSON.stringify(wish)).digest('hex');
    const once = { uses: this.by.requests, account: account.id, key, bodyHash };
    const end = await recordOnce(once, (request) =>
      this.record(order, { ...this.admission(order), request }),
    );
    return 'recorded' in end ? end.recorded : await this.again(order, end.first);
  }

  private admission({ account, wish, requestId }: CreationOrder): AdmissionRequest {
    const params = createParams(wish, { volumeId: this.by.newId() as VolumeId, account: account.id });
    return { definition: volumeCreate, params, account, requestId, minted: true };
  }

  private async record(order: CreationOrder, admission: AdmissionRequest): Promise<Creation> {
    if (!order.wait) return { action: (await this.by.intake.record(admission)).action };
    return { volume: volumeMade(await this.by.intake.recordAndWait(admission)) };
  }

  private async again(order: CreationOrder, first: ActionNumber): Promise<Creation> {
    const action = await this.by.actions.find(order.account.id, first);
    if (action === null)
      throw new Refusal('conflict', 'What this Idempotency-Key was used for is kept no longer.');
    if (action.status === 'in-progress' && !order.wait) return { action };
    return { volume: volumeMade(await this.by.intake.waitFor(action)) };
  }
}

/** The volume as the create left it. @throws Refusal why there is none. */
function volumeMade({ action, record }: Ended): VolumeRecord {
  if (action.status === 'errored') throw whyNot(action);
  return record ?? volumeOf(action);
}

/** A volume that was deleted before its creator was answered: it did exist, and this is what it was. */
function volumeOf(action: ActionRecord): VolumeRecord {
  // Recorded by the creation above from such a wish; an action keeps its parameters as plain JSON.
  const params = action.params as unknown as CreateWish & { volumeId: VolumeId };
  const at: Instant = action.completedAt ?? action.startedAt;
  return {
    id: params.volumeId,
    account: action.account,
    name: params.name,
    description: params.description,
    region: params.region,
    sizeGib: params.sizeGib,
    filesystemType: '',
    filesystemLabel: '',
    tags: params.tags,
    createdAt: at,
    imageId: '',
    attachment: null,
    pins: [],
    rev: action.revAfter ?? 0,
    at,
    lastIntent: action.intent,
  };
}

/** Clients look for these words to tell a full pool from other trouble. */
const FULL = 'capacity limit exceeded';
/** How the engine words the end of a create that a delete overtook. */
const OVERTAKEN = 'Deleted before';

/** What a source said is for operators: the customer learns that nothing is left, and by which action. */
function whyNot({ message = '', n }: ActionRecord): Error {
  if (message.includes(FULL)) return new Refusal('forbidden', `volume/snapshot ${FULL}`);
  if (message.startsWith(OVERTAKEN)) return new Refusal('conflict', `failed to create volume: ${message}`);
  return new RejectedError(`action ${n} ended without a volume: ${message}`, { reason: 'create-errored' });
}

function unprocessable(message: string): Refusal {
  return new Refusal('unprocessable_entity', message, { field: 'Idempotency-Key' });
}
