import type {
  AccountId,
  AccountRecord,
  ActionNumber,
  HostName,
  Region,
  RegionSlug,
  VmId,
  VmRecord,
} from '@plumbline/domain';
import type { HostsKnown, Rules } from '@plumbline/engine';
import { intentCatalog } from '@plumbline/intents';
import { layoutOf } from '@plumbline/registry';
import type { KvOp, Layout } from '@plumbline/registry';
import { MemorySources } from '../engine/memory-sources.js';
import { FakeConsul } from '../kv/fake-consul.js';
import { Faults } from './faults.js';
import { EventPool } from './pool.js';
import type { SimulatedProcess } from './process.js';
import { SeededRandom } from './random.js';

export const REGION = 'nyc1' as RegionSlug;
export const HOST = 'host-a' as HostName;
const REGIONS: readonly Region[] = [
  { slug: REGION, name: 'New York 1', pool: 'volumes-nyc1', hosts: [HOST] },
];
export const ACCOUNTS: readonly AccountRecord[] = ['a', 'b'].map((letter) => ({
  id: `${letter.repeat(8)}-3b4e-4f60-8a7b-9c0d1e2f3a4b` as AccountId,
  name: letter,
  email: '',
  createdAt: 0,
  limits: { volumes: 3, gib: 24 },
}));
/** Two VMs of the first account, one of the second. */
export const VMS: readonly { id: VmId; account: AccountId }[] = [0, 0, 1].map((owner, at) => ({
  id: (at + 1) as VmId,
  account: ACCOUNTS[owner]!.id,
}));

/** When virtual time begins: instants have to look like instants. */
const EPOCH_MS = 1_800_000_000_000;

/** An intent that a client was told is recorded. */
export interface Acknowledged {
  readonly intent: string;
  readonly resource: string;
  readonly account: AccountId;
  readonly action: ActionNumber;
}

/** A write that has reached Consul, and whether its sender was alive then by the registry's own word. */
export interface AppliedWrite {
  readonly by: SimulatedProcess;
  readonly ops: readonly KvOp[];
  readonly bootStood: boolean;
}

/** A call that is about to change something in a source. */
export interface AppliedCall {
  readonly by: SimulatedProcess;
  readonly source: 'ceph' | 'qemu';
  readonly key: string;
  readonly changed: boolean;
}

/** What all processes share: the registry's store, the sources, time, chance, and what has been promised to clients. */
export class World {
  readonly random: SeededRandom;
  readonly pool = new EventPool();
  readonly faults = new Faults();
  readonly consul = new FakeConsul();
  readonly sources = new MemorySources();
  readonly layout: Layout = layoutOf('plumbline/');
  readonly rules: Rules = { catalog: intentCatalog, regions: REGIONS };
  readonly processes: SimulatedProcess[] = [];
  readonly blocklist = new Set<string>();
  /** One client at a time has a VM's monitor, until its process ends. */
  readonly monitors = new Map<string, SimulatedProcess>();
  readonly acknowledged: Acknowledged[] = [];
  /** Intents of requests that were refused for certain. */
  readonly refused = new Set<string>();
  /** What happened in the present event. */
  writes: AppliedWrite[] = [];
  calls: AppliedCall[] = [];
  /** Mistakes that show at once, where they are made. */
  readonly mistakes: { invariant: string; detail: string; about: string }[] = [];
  consulAway = false;
  bellAway = false;

  constructor(seed: number) {
    this.random = new SeededRandom(seed);
    this.consul.dateMs = EPOCH_MS;
    for (const { id, account } of VMS) this.put(this.layout.vm(id), vmRecord(id, account));
  }

  /** What the sweep knows of hosts: that of whoever is at work just then. */
  get hosts(): HostsKnown {
    return (
      this.processes.find(({ role, state, ready }) => role === 'ceph' && state === 'running' && ready)
        ?.hosts ?? NO_HOSTS_AWAY
    );
  }

  /** The one true time, which no process is told. */
  get instantMs(): number {
    return EPOCH_MS + this.pool.nowMs;
  }

  /** Mostly quick, sometimes slow, seldom very slow. */
  latencyMs(): number {
    const { random } = this;
    if (random.chance(0.02)) return random.between(50, 1500);
    return random.chance(0.2) ? random.between(3, 60) : random.next() * 3;
  }

  async step(): Promise<boolean> {
    this.writes = [];
    this.calls = [];
    this.consul.dateMs = Math.floor(this.instantMs / 1000) * 1000;
    return this.pool.step();
  }

  alive(role: SimulatedProcess['role']): readonly SimulatedProcess[] {
    return this.processes.filter((process) => process.role === role && process.state === 'running');
  }

  values<T>(prefix: string): { readonly key: string; readonly value: T; readonly index: number }[] {
    return this.consul.store
      .tree(prefix)
      .map(({ key, value, index }) => ({ key, value: parsed(value) as T, index }));
  }

  private put(key: string, value: unknown): void {
    this.consul.store.transact([{ verb: 'set', key, value: JSON.stringify(value) }]);
  }
}

const NO_HOSTS_AWAY: HostsKnown = { isHostAway: () => false };

function vmRecord(id: VmId, account: AccountId): VmRecord {
  return { id, name: `vm-${id}`, region: REGION, host: HOST, account, socket: '', createdAt: 0, slots: {} };
}

const PARSED_MAX = 5_000;
const cache = new Map<string, unknown>();

/** The store is looked at after every event, and most of it is as it was: parsed once, never changed. */
function parsed(text: string): unknown {
  const known = cache.get(text);
  if (known !== undefined) return known;
  if (cache.size >= PARSED_MAX) cache.clear();
  const value: unknown = JSON.parse(text);
  cache.set(text, value);
  return value;
}
