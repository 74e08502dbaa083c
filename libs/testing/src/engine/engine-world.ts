import { RetryBudget, queueOf } from '@plumbline/domain';
import type {
  AccountId,
  AccountRecord,
  ActionRecord,
  Backend,
  BootId,
  HostName,
  IntentCatalog,
  IntentId,
  Json,
  LaneEntry,
  QueueName,
  RegionSlug,
  ResourceName,
  Snapshot,
  VmId,
  VmRecord,
  VolumeId,
} from '@plumbline/domain';
import { admit, advance, intervene, suspicionsOf } from '@plumbline/engine';
import type { Intervention, Suspicion, WorkerContext } from '@plumbline/engine';
import { intentCatalog } from '@plumbline/intents';
import { createJournal } from '@plumbline/registry';
import type { FakeManners } from '../kv/fake-consul.js';
import { FakeConsul } from '../kv/fake-consul.js';
import { createFakeRegistry } from '../kv/fake-registry.js';
import type { FakeRegistry } from '../kv/fake-registry.js';
import { Crash, MemorySources } from './memory-sources.js';
import type { CallFate } from './memory-sources.js';

export const NYC1 = 'nyc1' as RegionSlug;
export const HOST = 'host-a' as HostName;
export const VM = 1 as VmId;
export const OTHER_VM = 2 as VmId;
const QUEUES: readonly QueueName[] = [queueOf('ceph'), queueOf('qemu', HOST)];
/** Rounds over all queues after which work that has not ended is stuck. */
const ROUNDS_MAX = 60;

const regions = [{ slug: NYC1, name: 'New York 1', pool: 'volumes-nyc1', hosts: [HOST] }];

/** What befalls the n-th write of the registry. */
export type WriteFate = 'served' | 'refused' | 'lost' | 'crash-before' | 'crash-after' | 'answer-lost';

export interface Fates {
  readonly calls?: (n: number) => CallFate;
  readonly writes?: (n: number) => WriteFate;
  /** Waited for before the n-th write lands: what others do just then. */
  readonly meanwhile?: (n: number, world: EngineWorld) => Promise<void>;
  /** Waited for before a worker learns what it has read. */
  readonly answering?: (world: EngineWorld) => Promise<void>;
}

/**
 * The whole engine in memory: the real admission, journal and group commit over a fake Consul, and sources in memory. A
 * worker that crashes is followed by another boot, as a fence would have left it.
 */
export class EngineWorld {
  readonly sources: MemorySources;
  writes = 0;
  /** How often a worker has waited until it knew of every fence. */
  caughtUp = 0;
  /** What workers that begin from now on know: another version may know more, or less. */
  workersKnow: IntentCatalog = intentCatalog;
  /** Hosts whose worker does not live any more, and its VMs go on. */
  readonly hostsAway = new Set<HostName>();
  /** Of those that are away: what nobody waits for any more. */
  readonly hostsGivenUp = new Set<HostName>();
  /** Where workers have rung. */
  readonly rings: QueueName[] = [];
  /** Messages of the workers. */
  readonly logged: string[] = [];
  /** Whoever waits for these was told that they have ended. */
  readonly woken: IntentId[] = [];
  private readonly workers = new Map<
    number,
    { registry: FakeRegistry; contexts: readonly WorkerContext[] }
  >();
  private readonly gone = new Set<BootId>();
  private counter = 0;
  /** What has gone by besides, by the registry's clock. */
  passedMs = 0;

  private constructor(
    private readonly api: FakeRegistry,
    readonly consul: FakeConsul,
    private readonly fates: Fates,
  ) {
    this.sources = new MemorySources((n) => fates.calls?.(n) ?? 'served');
  }

  static async open(fates: Fates = {}): Promise<EngineWorld> {
    const consul = new FakeConsul();
    const api = await createFakeRegistry({ consul, timing: promptTiming });
    const world = new EngineWorld(api, consul, fates);
    for (const vm of [VM, OTHER_VM]) await world.putVm(vm);
    return world;
  }

  readonly account: AccountRecord = {
    id: '5d2f0a1c-3b4e-4f60-8a7b-9c0d1e2f3a4b' as AccountId,
    name: 'test',
    email: '',
    createdAt: 0,
    limits: { volumes: 100, gib: 1000 },
  };

  /** A UUID that no other call has given; the same ones in every world. */
  uuid(): string {
    this.counter += 1;
    return `00000000-0000-4000-8000-${String(this.counter).padStart(12, '0')}`;
  }

  /** @param onlyIf as the scrubber has it: recorded only while that stands */
  async admit(kind: string, params: Json, onlyIf?: (now: Snapshot) => boolean): Promise<ActionRecord> {
    const definition = intentCatalog.get(kind);
    if (definition === undefined) throw new Error(`no kind ${kind}`);
    const context = { ...this.context(this.api), bell: deafBell };
    const request = { definition, params, account: this.account, requestId: 'test' };
    const { action } = await admit(context, onlyIf === undefined ? request : { ...request, onlyIf });
    return action;
  }

  /** As an operator would, of the lane's head. @returns the entry as it is now */
  async intervene(resource: ResourceName, what: Intervention, catalog = intentCatalog): Promise<LaneEntry> {
    const intent = (await this.snapshot(resource)).lane?.entries[0]?.intent ?? ('' as IntentId);
    const context = { ...this.context(this.api, catalog), bell: deafBell };
    const operator = { by: 'a person', reason: 'a reason' };
    const { now } = await intervene(context, { resource, intent, what, operator });
    const head = now.lane?.entries[0];
    if (head === undefined) throw new Error('no head');
    return head;
  }

  /** Lets workers look at the lane until it is empty or waits for a person. @returns whether it came to that */
  async settle(resource: ResourceName, worker = 0): Promise<boolean> {
    for (let round = 0; round < ROUNDS_MAX; round += 1) {
      const { lane } = await this.snapshot(resource);
      const parked = lane?.entries[0]?.parked ?? null;
      if (lane === null || parked !== null) return true;
      await this.look(resource, worker);
    }
    return false;
  }

  /** One ring at each queue, answered by the workers of that number: one boot, with a hand in each queue. */
  async look(resource: ResourceName, worker = 0): Promise<void> {
    const { contexts } = await this.workerNow(worker);
    for (const context of contexts) {
      if (context.queue !== queueOf('ceph') && this.hostsAway.has(HOST)) continue;
      try {
        await advance(context, resource);
      } catch (error) {
        if (!(error instanceof Crash)) throw error;
      }
      if (this.crashed) return await this.bury(worker);
    }
  }

  async snapshot(resource: ResourceName) {
    return createJournal({ kv: this.api.kv, layout: this.api.layout, nonce: () => this.uuid() }).read(
      resource,
    );
  }

  async action(action: ActionRecord): Promise<ActionRecord> {
    const { layout } = this.api;
    const { account, internal, n } = action;
    const key = internal === true ? layout.internalAction(account, n) : layout.action(account, n);
    const [entry] = await this.api.kv.read([key]);
    return JSON.parse(entry?.value ?? 'null') as ActionRecord;
  }

  async json<T>(key: (layout: FakeRegistry['layout']) => string): Promise<T | null> {
    const [entry] = await this.api.kv.read([key(this.api.layout)]);
    return entry === null || entry === undefined ? null : (JSON.parse(entry.value) as T);
  }

  async keys(prefix: (layout: FakeRegistry['layout']) => string): Promise<readonly string[]> {
    return this.api.kv.keys(prefix(this.api.layout));
  }

  /** What the scrubber would suspect, over all facets. */
  async suspicions(): Promise<readonly Suspicion[]> {
    const owners = await this.keys((layout) => layout.owners);
    const ids = owners.map((key) => key.slice(-36) as VolumeId);
    const sources = [
      ...this.sources.backendsOf('ceph').values(),
      ...this.sources.backendsOf('qemu').values(),
    ];
    const ports = {
      async *volumeIds() {
        yield* ids;
      },
      read: (resources: readonly ResourceName[]) => Promise.all(resources.map((one) => this.snapshot(one))),
      sources,
      unknown: (_facet: string, error: unknown) => {
        throw error;
      },
      unasked: () => undefined,
    };
    const found: Suspicion[] = [];
    for await (const item of suspicionsOf(ports, new AbortController().signal))
      if (!('looked' in item)) found.push(item);
    return found;
  }

  /** What workers know of the registry: see `WorkerContext`. */
  halted = false;
  isSure = true;
  revFloor = 0;
  /** What workers know of the source: whether it is away, and how long they put off what needs it. */
  isAway = false;
  putOffMs = 0;
  readonly retries = new RetryBudget();
  private crashed = false;

  /** A fence in short: the boot's keys go, and with them its right to write. */
  private async bury(worker: number): Promise<void> {
    const { registry } = this.workers.get(worker) ?? {};
    this.workers.delete(worker);
    this.crashed = false;
    if (registry === undefined) return;
    this.gone.add(registry.boot);
    await this.api.kv.transact({
      ops: [
        { verb: 'delete', key: registry.layout.boot(registry.boot) },
        { verb: 'delete', key: registry.layout.beat(registry.boot) },
      ],
      proof: { key: registry.layout.boot(registry.boot), landed: (entry) => entry === null },
    });
  }

  private async workerNow(number: number) {
    const known = this.workers.get(number);
    if (known !== undefined) return known;
    const manners: FakeManners = {
      fate: async (request) => {
        if (this.crashed) return 'refused';
        if (request.what !== 'transact') return 'served';
        const n = (this.writes += 1);
        await this.fates.meanwhile?.(n, this);
        return this.befall(this.fates.writes?.(n) ?? 'served');
      },
      answering: (request) => (request.what === 'read' ? this.fates.answering?.(this) : undefined),
    };
    const registry = await createFakeRegistry({ consul: this.consul, timing: promptTiming, manners });
    const contexts = QUEUES.map((queue) => this.workerContext(registry, queue));
    const worker = { registry, contexts };
    this.workers.set(number, worker);
    return worker;
  }

  private befall(fate: WriteFate) {
    if (fate === 'crash-before' || fate === 'crash-after') this.crashed = true;
    if (fate === 'crash-before' || fate === 'lost') return 'dropped';
    return fate === 'crash-after' ? 'answer-lost' : fate;
  }

  private workerContext(registry: FakeRegistry, queue: QueueName): WorkerContext {
    const source = queue === 'ceph' ? 'ceph' : 'qemu';
    const sources = this.sources.backendsOf(source);
    const backends = new Map(
      [...sources].map(([name, backend]) => [
        name,
        {
          ...backend,
          apply: this.dying((...args: Parameters<Backend['apply']>) => backend.apply(...args)),
          undo: this.dying((...args: Parameters<Backend['undo']>) => backend.undo(...args)),
        },
      ]),
    );
    return {
      ...this.context(registry, this.workersKnow),
      bell: {
        ...deafBell,
        ring: (rung) => Promise.resolve(this.rings.push(rung) > 0),
        wake: (_resource, intent) => void this.woken.push(intent),
      },
      queue,
      backends,
      policy: { deadlineMs: 1000, triesMax: 3, backoffBaseMs: 1, backoffCapMs: 1 },
      catchUp: () => Promise.resolve(void (this.caughtUp += 1)),
      fence: this.dying((address: string) => this.sources.fenced(address)),
      outages: { waitMs: () => this.putOffMs, isAway: () => this.isAway, report: () => undefined },
      stopping: () => this.crashed,
      halted: () => this.halted,
      sure: () => Promise.resolve(this.isSure),
      revFloor: () => this.revFloor,
      retries: this.retries,
      busy: new Map(),
    };
  }

  /** A process that died in a call writes nothing afterwards. */
  private dying<Args extends unknown[], T>(
    call: (...args: Args) => Promise<T>,
  ): (...args: Args) => Promise<T> {
    return async (...args) => {
      try {
        return await call(...args);
      } catch (error) {
        if (error instanceof Crash) {
          this.crashed = true;
          return await new Promise<never>((_resolve, reject) => setImmediate(() => reject(error)));
        }
        throw error;
      }
    };
  }

  private context(registry: FakeRegistry, catalog = intentCatalog) {
    const log = (_fields: object, message: string) => void this.logged.push(message);
    return {
      journal: createJournal({ kv: registry.kv, layout: registry.layout, nonce: () => this.uuid() }),
      rules: { catalog, regions },
      boots: {
        self: registry.boot,
        isGone: (boot: BootId) => this.gone.has(boot),
        isDoubtful: () => false,
        isHostAway: (host: HostName) => this.hostsAway.has(host),
        isHostGivenUp: (host: HostName) => this.hostsGivenUp.has(host),
        end: () => undefined,
      },
      clock: {
        now: () => this.passedMs + (this.counter += 1),
        trusted: () => true,
        deadline: promptDeadline,
      },
      log: { info: log, warn: log, error: log },
      uuid: () => this.uuid(),
      nonce: () => this.uuid(),
      random: () => 0,
    };
  }

  private async putVm(id: VmId): Promise<void> {
    const vm: VmRecord = {
      id,
      name: `vm-${id}`,
      region: NYC1,
      host: HOST,
      account: this.account.id,
      socket: '',
      createdAt: 0,
      slots: {},
    };
    const key = this.api.layout.vm(id);
    await this.api.kv.transact({
      ops: [{ verb: 'set', key, value: JSON.stringify(vm) }],
      proof: { key, landed: (entry) => entry !== null },
    });
  }
}

const deafBell = { ring: () => Promise.resolve(true), wake: () => undefined, drain: () => undefined };

function promptDeadline() {
  const controller = new AbortController();
  const timer = setImmediate(() => controller.abort());
  return { signal: controller.signal, clear: () => clearImmediate(timer) };
}

/** No waiting: what is to come later comes at the next turn of the loop. */
const promptTiming = {
  nowMs: () => performance.now(),
  after(_delayMs: number, call: () => void) {
    const timer = setImmediate(call);
    return () => clearImmediate(timer);
  },
  soon: (call: () => void) => void setImmediate(call),
};
