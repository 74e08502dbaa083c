import { randomUUID } from 'node:crypto';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { RetryBudget, queueOf, volumeResource } from '@plumbline/domain';
import type {
  AccountId,
  AccountRecord,
  HostName,
  IntentId,
  QueueName,
  Region,
  RegionSlug,
  ResourceName,
  VolumeId,
} from '@plumbline/domain';
import { advance } from '@plumbline/engine';
import type { EngineContext, RingOptions, WorkerContext } from '@plumbline/engine';
import { intentCatalog } from '@plumbline/intents';
import { Readiness, createLog, createMetrics } from '@plumbline/platform';
import type { LookAnswer, LookPlace } from '@plumbline/queue';
import { PendingWork, createJournal } from '@plumbline/registry';
import { MemorySources, FakeConsul, createFakeRegistry } from '@plumbline/testing';
import type { FakeManners, FakeRegistry } from '@plumbline/testing';
import type { z } from 'zod';
import { FACETS } from '../src/facets.js';
import type { Awaited, Ended, Waiting } from '../src/intake.js';
import type { throttleShape } from '../src/ops/shapes.js';
import type { PageLinks } from '../src/http/paging.js';
import { PendingBound } from '../src/pending-bound.js';
import { createServer } from '../src/server.js';
import { servicesOf } from '../src/services.js';
import type { ActionShape, DropletShape, VolumeShape } from '../src/v2/shapes.js';

export const HOST = 'host-a' as HostName;
export const OPS_TOKEN = 'an-operator';
const POLL_MS = 5;

const REGIONS: readonly Region[] = [
  { slug: 'nyc1' as RegionSlug, name: 'New York 1', pool: 'volumes-nyc1', hosts: [HOST] },
  { slug: 'lon1' as RegionSlug, name: 'London 1', pool: 'volumes-lon1', hosts: [] },
];

/** Everything that any answer has: a test reads what its answer must have, and fails where that is not there. */
interface AnswerBody {
  readonly id: string;
  readonly message: string;
  readonly request_id: string;
  readonly volume: VolumeShape;
  readonly volumes: readonly VolumeShape[];
  readonly action: ActionShape;
  readonly actions: readonly ActionShape[];
  readonly droplet: DropletShape;
  readonly droplets: readonly DropletShape[];
  readonly account: { readonly id: string; readonly uuid: string };
  readonly token: { readonly id: string };
  readonly secret: string;
  readonly vm: { readonly name: string };
  readonly lane: unknown;
  readonly lanes: readonly { readonly resource: string }[];
  readonly throttle: z.infer<typeof throttleShape>;
  readonly throttles: readonly z.infer<typeof throttleShape>[];
  readonly links: PageLinks;
  readonly meta: { readonly total: number };
}

interface Answer {
  readonly status: number;
  readonly body: AnswerBody;
  /** The body of an answer that is no JSON. */
  readonly text: string;
  readonly headers: Readonly<Record<string, string | string[] | number | undefined>>;
}

interface Sent {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly token?: string | null;
}

export interface ApiWorldOptions {
  readonly waitMs?: number;
  readonly pendingMax?: number;
  readonly publicUrl?: string;
  /** How the registry treats the requests of the api. */
  readonly manners?: FakeManners;
}

/**
 * The whole api on a fake Consul, with workers in the same process: what is rung is carried out at once on sources in
 * memory, unless the workers are told to rest.
 */
export class ApiWorld {
  readonly sources = new MemorySources();
  logged: readonly string[] = [];
  /** Nothing that is rung is carried out meanwhile. */
  resting = false;
  token = '';
  account = '' as AccountId;
  private readonly working = new Set<Promise<unknown>>();

  private constructor(
    readonly app: NestFastifyApplication,
    readonly registry: FakeRegistry,
    readonly consul: FakeConsul,
    private readonly workers: ReadonlyMap<QueueName, WorkerContext>,
    readonly pending: PendingBound,
    /** As the api admits with it; whoever rings it, the same workers come. */
    readonly engine: EngineContext,
  ) {}

  static async open({
    manners,
    publicUrl,
    waitMs = 2000,
    pendingMax = 1000,
  }: ApiWorldOptions = {}): Promise<ApiWorld> {
    const consul = new FakeConsul();
    const registry = await createFakeRegistry({ consul, ...(manners === undefined ? {} : { manners }) });
    const workerRegistry = await createFakeRegistry({ consul });
    const workers = new Map<QueueName, WorkerContext>();
    const holder: { world: ApiWorld | null } = { world: null };
    const bell = {
      ring: async (queue: QueueName, resource: ResourceName, { account }: RingOptions = {}) => {
        holder.world?.work(queue, resource, account);
        return true;
      },
      drain: () => undefined,
      wake: () => undefined,
    };
    const logged: string[] = [];
    const log = createLog({ name: 'api', level: 'debug', to: { write: (line) => void logged.push(line) } });
    const engine = contextOf(registry, bell);
    const looks = { ask: async (_queue: QueueName, places: readonly LookPlace[]) => lookAll(holder, places) };
    const counted = new PendingWork(registry);
    const pending = new PendingBound({
      pendingMax,
      read: () => counted.read(),
      nowMs: () => performance.now(),
    });
    const services = servicesOf({
      kv: registry.kv,
      layout: registry.layout,
      boots: registry.boots,
      halts: registry.halts,
      engine,
      looks,
      // As without Redis: what is set is all that can be told.
      watch: { shown: () => Promise.resolve(null), standings: () => Promise.resolve(null) },
      pending,
      waitingWith: (look) => pollingWaiting(look),
      facets: FACETS,
      regions: REGIONS,
      opsToken: OPS_TOKEN,
      publicUrl: publicUrl ?? null,
      waitMs,
      log,
    });
    const metrics = createMetrics({ app: 'api', name: 'api' });
    const app = await createServer({ services, readiness: new Readiness(), metrics, log });
    const world = new ApiWorld(app, registry, consul, workers, pending, engine);
    holder.world = world;
    world.logged = logged;
    for (const queue of [queueOf('ceph'), queueOf('qemu', HOST)])
      workers.set(queue, workerOf(world.sources, { registry: workerRegistry, bell, queue }));
    await world.enroll();
    return world;
  }

  async close(): Promise<void> {
    await this.app.close();
    await Promise.allSettled(this.working);
    await this.registry.close();
  }

  async send(
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    path: string,
    sent: Sent = {},
  ): Promise<Answer> {
    const token = sent.token === undefined ? this.token : sent.token;
    const payload = typeof sent.body === 'string' ? sent.body : JSON.stringify(sent.body);
    const answer = await this.app.inject({
      method,
      url: path,
      headers: {
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        ...(sent.body === undefined ? {} : { 'content-type': 'application/json' }),
        ...sent.headers,
      },
      ...(sent.body === undefined ? {} : { payload }),
    });
    const isJson = String(answer.headers['content-type']).startsWith('application/json');
    return {
      status: answer.statusCode,
      body: (isJson ? JSON.parse(answer.body) : {}) as AnswerBody,
      text: answer.body,
      headers: answer.headers,
    };
  }

  async ops(
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    path: string,
    body?: unknown,
  ): Promise<Answer> {
    return await this.send(method, `/ops/v1${path}`, { token: OPS_TOKEN, body });
  }

  /** A volume's id, made over the API. */
  async volume(more: Readonly<Record<string, unknown>> = {}): Promise<string> {
    const body = { name: `v-${randomUUID()}`, size_gigabytes: 1, region: 'nyc1', ...more };
    const answer = await this.send('POST', '/v2/volumes', { body });
    if (answer.status !== 201) throw new Error(`no volume: ${JSON.stringify(answer.body)}`);
    return answer.body.volume.id;
  }

  /** Waits until nothing is pending for the volume, and no worker looks at anything. */
  async settled(id: string): Promise<void> {
    const resource = volumeResource(id as VolumeId);
    const key = this.registry.layout.lane(resource);
    do {
      await Promise.all(this.working);
      await new Promise((resolve) => setImmediate(resolve));
    } while (this.consul.store.get(key) !== null || this.working.size > 0);
  }

  /** Rings all that is pending, as the sweep does. */
  async wakeUp(): Promise<void> {
    this.resting = false;
    const { lanes } = this.registry.layout;
    for (const key of this.consul.store.keys(lanes)) {
      const resource = key.slice(lanes.length) as ResourceName;
      this.work('ceph', resource);
      this.work(queueOf('qemu', HOST), resource);
    }
  }

  /** Another account with a token of its own. */
  async stranger(): Promise<{ token: string; account: AccountId }> {
    const name = `stranger-${randomUUID()}`;
    const made = await this.ops('POST', '/accounts', { name, email: 'stranger@plumbline.invalid' });
    const account = made.body.account.id as AccountId;
    const issued = await this.ops('POST', `/accounts/${account}/tokens`, { name });
    return { account, token: issued.body.secret };
  }

  /** A VM of the demo account. */
  async vm(n: number, more: Readonly<Record<string, unknown>> = {}): Promise<number> {
    const body = {
      name: `vm-${n}`,
      region: 'nyc1',
      host: HOST,
      account: this.account,
      socket: `/run/vm-${n}.sock`,
      ...more,
    };
    const answer = await this.ops('PUT', `/vms/${n}`, body);
    if (answer.status > 201) throw new Error(`no VM: ${JSON.stringify(answer.body)}`);
    return n;
  }

  /** Keys of everything that requests can have recorded. */
  recorded(): readonly string[] {
    const { store } = this.consul;
    return ['lanes/', 'volumes/', 'actions/', 'names/', 'usage/', 'requests/'].flatMap((path) =>
      store.keys(`${prefixOf(this.registry)}${path}`),
    );
  }

  /** As an operator's hand in the registry would. */
  limit(limits: AccountRecord['limits']): void {
    const { store } = this.consul;
    const key = this.registry.layout.account(this.account);
    const record = JSON.parse(store.get(key)?.value ?? 'null') as AccountRecord;
    store.transact([{ verb: 'set', key, value: JSON.stringify({ ...record, limits }) }]);
  }

  private work(queue: QueueName, resource: ResourceName, account?: AccountId): void {
    const worker = this.workers.get(queue);
    if (worker === undefined || this.resting) return;
    const job = new Promise((resolve) => setImmediate(resolve)).then(() =>
      advance(worker, resource, account),
    );
    const done: Promise<unknown> = job.finally(() => this.working.delete(done));
    this.working.add(done);
  }

  private async enroll(): Promise<void> {
    const { account, token } = await this.stranger();
    this.account = account;
    this.token = token;
  }
}

function prefixOf({ layout }: FakeRegistry): string {
  return layout.tick.slice(0, -'tick'.length);
}

function contextOf(registry: FakeRegistry, bell: EngineContext['bell']): EngineContext {
  return {
    journal: createJournal({ kv: registry.kv, layout: registry.layout, nonce: randomUUID }),
    rules: { catalog: intentCatalog, regions: REGIONS },
    bell,
    clock: {
      now: () => Date.now(),
      trusted: () => true,
      deadline: () => ({ signal: new AbortController().signal, clear: () => undefined }),
    },
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    uuid: randomUUID,
    nonce: randomUUID,
    random: () => Math.random(),
  };
}

function workerOf(
  sources: MemorySources,
  { registry, bell, queue }: { registry: FakeRegistry; bell: EngineContext['bell']; queue: QueueName },
): WorkerContext {
  return {
    ...contextOf(registry, bell),
    boots: {
      self: registry.boot,
      isGone: () => false,
      isDoubtful: () => false,
      isHostAway: () => false,
      isHostGivenUp: () => false,
      end: () => undefined,
    },
    queue,
    backends: sources.backendsOf(queue === 'ceph' ? 'ceph' : 'qemu'),
    policy: { deadlineMs: 1000, triesMax: 3, backoffBaseMs: 1, backoffCapMs: 1 },
    catchUp: () => Promise.resolve(),
    fence: (address) => Promise.resolve(sources.fence(address)),
    outages: { waitMs: () => 0, isAway: () => false, report: () => undefined },
    stopping: () => false,
    halted: () => false,
    sure: () => Promise.resolve(true),
    revFloor: () => 0,
    retries: new RetryBudget(),
    busy: new Map(),
  };
}

async function lookAll(
  { world }: { world: ApiWorld | null },
  places: readonly LookPlace[],
): Promise<readonly LookAnswer[]> {
  const answers = places.map(async ({ facet, key, host }): Promise<LookAnswer> => {
    const source = facet.startsWith('ceph') ? 'ceph' : 'qemu';
    const backend = world?.sources.backendsOf(source).get(facet);
    if (backend === undefined) return { unknown: 'no worker answered in time' };
    const place = host === undefined ? { key } : { key, host };
    return { seen: await backend.observe(place, new AbortController().signal), at: Date.now() };
  });
  return await Promise.all(answers);
}

/** Waits as the doorbell does, without one: it looks again and again. */
function pollingWaiting(look: Awaited['look']): Waiting {
  return {
    async waitFor({ intent }: { intent: IntentId }, { deadlineMs }): Promise<Ended | null> {
      const until = Date.now() + deadlineMs;
      while (Date.now() < until) {
        const ended = (await look([{ intent }])).get(intent);
        if (ended !== undefined) return ended;
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      }
      return null;
    },
  };
}
