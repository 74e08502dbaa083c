import { randomUUID } from 'node:crypto';
import { Refusal } from '@plumbline/domain';
import type { AccountId, AccountRecord, IntentId, Json, ResourceName } from '@plumbline/domain';
import { admit, intervene } from '@plumbline/engine';
import type { AdmissionRequest, EngineContext } from '@plumbline/engine';
import { intentCatalog } from '@plumbline/intents';
import { commonVariables, createLog, createMetrics, newNonce, readConfig } from '@plumbline/platform';
import { Bell, RedisConnection } from '@plumbline/queue';
import { RegistryAccounts, connectRegistry, createJournal } from '@plumbline/registry';
import type { Registry } from '@plumbline/registry';
import { ApiClient, commonEnvironment } from '@plumbline/stack';
import type { RunningStack } from '@plumbline/stack';

const NAME = 'crash-matrix';
const TRIES_MAX = 10;
const OTHER = { name: 'without VMs', email: 'crash-matrix@plumbline.invalid' };
const REASON = { by: NAME, reason: 'its cause is gone' };

/** An intent that was recorded, and where its end will stand. */
export interface Asked {
  readonly account: string;
  readonly intent: IntentId;
  readonly action: number;
  readonly resource: ResourceName;
}

/**
 * Records intents as the api does, with the engine's own admission: so every kind can be asked for, also one that has no
 * request of its own.
 */
export class Intents {
  static async open({ env, stack }: RunningStack): Promise<Intents> {
    const config = readConfig(commonVariables(NAME), {
      ...commonEnvironment(stack, NAME, 0),
      PLUMBLINE_HEALTH_PORT: '',
    });
    const log = createLog({ name: NAME, level: 'silent', pretty: false });
    const registry = await connectRegistry({
      consulAddr: config.consulUrl,
      prefix: config.registryPrefix,
      boot: { name: NAME, app: NAME, host: null, version: '' },
      onFenced: () => {
        throw new Error('the controller was fenced: this machine is too busy');
      },
      onClockAhead: () => {
        throw new Error('the clock of this machine was set back');
      },
    });
    const redis = new RedisConnection({ redisUrl: config.redisUrl, name: NAME, log });
    const bell = new Bell({ redis, log, metrics: createMetrics({ app: NAME, name: NAME }) });
    const { kv, layout, boots } = registry;
    const engine: EngineContext = {
      journal: createJournal({ kv, layout, nonce: newNonce }),
      rules: { catalog: intentCatalog, regions: config.regions },
      bell,
      clock: {
        now: () => boots.registryNow(),
        trusted: () => boots.clockTrusted(),
        deadline: (ms) => ({ signal: AbortSignal.timeout(ms), clear: () => undefined }),
      },
      log,
      uuid: randomUUID,
      nonce: newNonce,
      random: Math.random,
    };
    const ops = new ApiClient(env['PLUMBLINE_OPS_URL'] ?? '', env['PLUMBLINE_OPS_TOKEN'] ?? '');
    const other = await ops.ask<{ account: { id: string } }>('POST', '/ops/v1/accounts', OTHER);
    const accounts = new RegistryAccounts(kv, layout);
    const find = async (id: string | undefined): Promise<AccountRecord> => {
      const { value } = await accounts.read(id as AccountId);
      if (value === null) throw new Error('the stack has no such account');
      return value;
    };
    const [withVms, withoutVms] = [await find(stack.state.account), await find(other.account.id)];
    return new Intents({ engine, registry, redis, bell, withVms, withoutVms });
  }

  private constructor(
    private readonly by: {
      readonly engine: EngineContext;
      readonly registry: Registry;
      readonly redis: RedisConnection;
      readonly bell: Bell;
      readonly withVms: AccountRecord;
      readonly withoutVms: AccountRecord;
    },
  ) {}

  /** Of one account only so many lanes are rung at a time; what needs no VM can be another's. */
  accountFor({ needsVm }: { needsVm: boolean }): AccountRecord {
    return needsVm ? this.by.withVms : this.by.withoutVms;
  }

  get regions() {
    return this.by.engine.rules.regions;
  }

  async ask(
    account: AccountRecord,
    definition: AdmissionRequest['definition'],
    params: Json,
  ): Promise<Asked> {
    const { engine } = this.by;
    for (let tries = 1; ; tries += 1) {
      try {
        const { action } = await admit(engine, { definition, params, account, requestId: NAME });
        return { account: account.id, intent: action.intent, action: action.n, resource: action.resource };
      } catch (error) {
        // A worker writes the same lane at this moment; clients come again, too.
        const mayComeAgain = error instanceof Refusal && error.reason === 'unavailable' && tries < TRIES_MAX;
        if (!mayComeAgain) throw error;
      }
    }
  }

  /** What an operator does when the cause is gone. */
  async resume({ intent, resource }: Asked): Promise<void> {
    await intervene(this.by.engine, { resource, intent, what: 'resume', operator: REASON });
  }

  /** One more delivery of the same job, to everybody who could take it. */
  async ringTwice(resource: ResourceName): Promise<void> {
    const hosts = this.regions.flatMap((region) => region.hosts);
    for (const queue of ['ceph', ...hosts.map((host) => `qemu-${host}`)])
      await this.by.bell.ring(queue, resource);
    this.by.bell.drain('billing');
  }

  async close(): Promise<void> {
    const { bell, redis, registry } = this.by;
    await bell.close();
    redis.close();
    await registry.close();
  }
}
