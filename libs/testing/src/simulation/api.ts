import { createHash } from 'node:crypto';
import { Refusal, notFound } from '@plumbline/domain';
import type {
  AccountRecord,
  ActionNumber,
  ActionRecord,
  Json,
  RequestUse,
  VolumeId,
  VolumeRecord,
} from '@plumbline/domain';
import { admit, recordOnce } from '@plumbline/engine';
import { RegistryActions, RegistryRequests, RegistryVolumes } from '@plumbline/registry';
import { SimulatedProcess } from './process.js';
import { tokenOf } from './world.js';

const POLL_MS = 1_000;
const WAIT_MS = 25_000;
/** A doorbell that does not answer may hold an answer up for so long. */
const RING_MS = 250;

/** A customer's request that records an intent. */
export interface Order {
  readonly account: AccountRecord;
  readonly kind: string;
  readonly params: Json;
  readonly key: string | null;
  readonly waits: boolean;
  /** Told of each intent that is tried to be recorded: what is refused for certain must not come to pass. */
  tries(intent: string): void;
}

export type Made = { readonly action: ActionRecord; readonly record: VolumeRecord | null };

/** A process that records what customers wish and shows them what there is, as the api does behind its HTTP edge. */
export class SimulatedApi extends SimulatedProcess {
  private volumes!: RegistryVolumes;
  private actions!: RegistryActions;
  private requests!: RegistryRequests;

  /** @throws Refusal */
  async find(account: AccountRecord, id: VolumeId): Promise<VolumeRecord> {
    const record = await this.volumes.find(account.id, id);
    if (record === null) throw notFound();
    return record;
  }

  async list(account: AccountRecord): Promise<readonly VolumeRecord[]> {
    return await this.volumes.list(account.id);
  }

  /** @throws Refusal */
  async order(order: Order): Promise<Made> {
    const { account, key } = order;
    if (key === null) return await this.ended(order, await this.record(order));
    const { volumeId: _id, ...body } = order.params as { volumeId: string };
    const bodyHash = createHash('sha256').update(JSON.stringify(body)).digest('hex');
    const once = { uses: this.requests, account: account.id, key, bodyHash };
    const end = await recordOnce(once, (request) => this.record(order, request));
    const action = 'recorded' in end ? end.recorded : await this.actionOf(account, end.first);
    return await this.ended(order, action);
  }

  protected override async work(): Promise<void> {
    const { kv, layout } = this.registry;
    this.volumes = new RegistryVolumes(kv, layout);
    this.actions = new RegistryActions(kv, layout);
    this.requests = new RegistryRequests(kv, layout, () => this.registry.boots.registryNow());
    this.ready = true;
  }

  private async record(order: Order, request?: RequestUse): Promise<ActionRecord> {
    const { world } = this;
    const { account, kind, params } = order;
    const definition = world.rules.catalog.get(kind);
    if (definition === undefined) throw new TypeError(`no kind ${kind}`);
    const uuid = (): string => {
      const id = this.random.uuid();
      order.tries(id);
      return id;
    };
    const hash = createHash('sha256').update(tokenOf(account.id)).digest('hex');
    const guard = world.consul.store.get(world.layout.token(hash))!;
    let isAnswered = false;
    const { action } = await admit(
      { ...this.context(), uuid },
      {
        definition,
        params,
        account: { ...account, guards: [{ key: guard.key, index: guard.index }] },
        requestId: 'simulated',
        ...(definition.on === 'absent' ? { minted: true as const } : {}),
        ...(request === undefined ? {} : { request }),
        recorded: ({ resource }) =>
          void world.pool.after(RING_MS + 1, { owner: this, what: 'is it answered' }, () => {
            if (!isAnswered) world.mistake('R4', 'the doorbell holds up an answer', resource);
          }),
      },
    );
    isAnswered = true;
    world.acknowledge(action);
    return action;
  }

  /** For who waits: the action when it has ended, and the volume as it stood then. @throws Refusal `pending` */
  private async ended({ waits }: Order, action: ActionRecord): Promise<Made> {
    if (!waits) return { action, record: null };
    const { pool } = this.world;
    const untilMs = pool.nowMs + WAIT_MS;
    while (pool.nowMs < untilMs) {
      const [end] = await this.actions.readEnds([action]).catch(() => []); // Looked at again: it is recorded, whatever that said.
      if (end?.action && end.action.status !== 'in-progress')
        return { action: end.action, record: end.record };
      await Promise.race([this.world.untilWoken(action.intent), this.waitFor(POLL_MS)]);
    }
    throw new Refusal('service_unavailable', 'The request is recorded and goes on.', { reason: 'pending' });
  }

  private async actionOf(account: AccountRecord, n: ActionNumber): Promise<ActionRecord> {
    const action = await this.actions.find(account.id, n);
    if (action === null) throw new Refusal('conflict', 'What this key was used for is kept no longer.');
    return action;
  }
}
