import { createHash } from 'node:crypto';
import type { AccountId, AccountRecord, ActionRecord, Json, Region, VmId, VmRecord } from '@plumbline/domain';
import type { HostsKnown, Log, Rules } from '@plumbline/engine';
import { intentCatalog } from '@plumbline/intents';
import { parseDiskKey, volumeOfDiskKey } from '@plumbline/qemu-facets';
import { layoutOf } from '@plumbline/registry';
import type { KvOp, Layout } from '@plumbline/registry';
import { FakeBilling } from '../billing/fake-billing.js';
import { FakeConsul } from '../kv/fake-consul.js';
import { Causes } from './causes.js';
import { SimulatedCeph } from './ceph.js';
import { Doorbell } from './doorbell.js';
import { Faults } from './faults.js';
import type { Strike } from './faults.js';
import { Guests } from './guests.js';
import { Machine } from './machine.js';
import { parsed } from '../kv/parsed.js';
import { EventPool } from './pool.js';
import type { Rewind } from './rewind.js';
import type { Role, SimulatedProcess } from './process.js';
import { SeededRandom } from './random.js';
import { Register } from './register.js';
import { Scrubbing } from './scrubbing.js';
import { HOST, REGION } from './where.js';

const REGIONS: readonly Region[] = [
  { slug: REGION, name: 'New York 1', pool: 'volumes-nyc1', hosts: [HOST] },
];
export const ACCOUNTS: readonly AccountRecord[] = ['a', 'b'].map((letter) => ({
  id: `${letter.repeat(8)}-3b4e-4f60-8a7b-9c0d1e2f3a4b` as AccountId,
  name: letter,
  email: '',
  createdAt: 0,
  limits: { volumes: 3, gib: 16 },
}));
/** Two VMs of the first account, one of the second. */
export const VMS: readonly { id: VmId; account: AccountId }[] = [0, 0, 1].map((owner, at) => ({
  id: (at + 1) as VmId,
  account: ACCOUNTS[owner]!.id,
}));
/** In every customer's token, and nowhere else: wherever it shows, a secret has got out. */
export const SECRET = 'never-to-be-seen';

/** When virtual time begins: instants have to look like instants. */
const EPOCH_MS = 1_800_000_000_000;

/** A write that is about to land in Consul, and whether its sender lives by the registry's own word. */
export interface ArrivedWrite {
  readonly by: SimulatedProcess;
  readonly ops: readonly KvOp[];
  readonly stands: boolean;
}

/** What is known of an intent that was recorded. */
export type Promised = Pick<ActionRecord, 'account' | 'internal' | 'n' | 'intent' | 'resource'>;

export interface Mistake {
  readonly invariant: string;
  readonly detail: string;
  /** The resource whose timeline shows how it came to this; empty: none in particular. */
  readonly about: string;
}

/** What all processes share: the registry's store, the sources, time, chance, and what has been promised to clients. */
export class World {
  readonly pool = new EventPool();
  readonly faults = new Faults();
  readonly consul = new FakeConsul();
  readonly layout: Layout = layoutOf('plumbline/');
  readonly rules: Rules = { catalog: intentCatalog, regions: REGIONS };
  readonly register: Register;
  readonly ceph: SimulatedCeph;
  readonly machines: readonly Machine[];
  readonly guests: Guests;
  readonly billing = new FakeBilling();
  readonly doorbell: Doorbell;
  readonly scrubbing: Scrubbing;
  readonly causes: Causes;
  /** Volumes at whose things somebody was by hand, past all of us. */
  readonly drifted = new Set<string>();
  /** Whose names were taken away by hand. */
  readonly unnamed = new Set<string>();
  /** Of whose bills something was taken by hand. */
  readonly misbilled = new Set<string>();
  readonly processes: SimulatedProcess[] = [];
  /** Actions that clients were told are recorded, and that have not been seen to end. */
  readonly promised = new Map<string, Promised>();
  acknowledged = 0;
  /** Intents of requests that were refused for certain. */
  readonly refused = new Set<string>();
  /** Things of which some call was refused for good: whatever wanted it may end as failed. */
  readonly refusedKeys = new Set<string>();
  /** What has come to Consul in the present event. */
  writes: ArrivedWrite[] = [];
  /** Mistakes that show at once, where they are made. */
  readonly mistakes: Mistake[] = [];
  /** The volume of which whatever is to be changed is busy, for as long as it takes to ask a person. */
  busy: string | null = null;
  /** All that ever were, or were refused because their source was. */
  readonly wereBusy = new Set<string>();
  /** What answers each call that it is to be asked again. */
  readonly refusing = new Set<'ceph' | VmId>();
  /** Intents about which an operator has said what is to become of them. */
  readonly intervened = new Set<string>();
  /** The next api that has read something sleeps before it goes on. */
  apiDozes = false;
  /** Until then nobody lives on the hypervisor host. */
  hostBackMs = 0;
  consulAway = false;
  /** How far Consul's clock, by which everything is stamped, is behind the true one. */
  consulBehindMs = 0;
  /** That clock was not right at some time. */
  clockWasSet = false;
  /** Its disk is full: it can be read, and nothing can be written. */
  consulFull = false;
  /** What sets the registry back in the end; null: nobody does in this seed. */
  rewind: Rewind | null = null;
  /** What lets something befall a process; who arranges such things says how. */
  strike: (process: SimulatedProcess, kind: Strike) => void = () => undefined;
  private readonly newestAt = new Map<string, number>();
  private readonly newestEffect = new Map<string, number>();
  private readonly volumes = new Map<string, string>();
  private readonly sleepers = new Map<string, (() => void)[]>();

  constructor(readonly seed: number) {
    this.register = new Register(this.consul.store, () => this.pool.nowMs);
    this.ceph = new SimulatedCeph(this);
    this.guests = new Guests(this);
    this.machines = VMS.map(({ id }) => new Machine(this, id, SeededRandom.of(seed, `vm-${id}`)));
    this.doorbell = new Doorbell(this);
    this.scrubbing = new Scrubbing(this);
    this.causes = new Causes(this);
    this.consul.dateMs = EPOCH_MS;
    for (const { id, account } of VMS) this.put(this.layout.vm(id), vmRecord(id, account));
    for (const { id } of ACCOUNTS) this.put(this.layout.token(sha256(tokenOf(id))), { account: id });
  }

  /** The one true time, which no process is told. */
  get instantMs(): number {
    return EPOCH_MS + this.pool.nowMs;
  }

  /** What the sweep knows of hosts: that of whoever is at work just then. */
  get hosts(): HostsKnown {
    const knows = this.alive('ceph').find(({ ready }) => ready);
    return knows?.hosts ?? { isHostAway: () => false, isHostGivenUp: () => false };
  }

  step(): Promise<boolean> {
    this.writes = [];
    this.consul.dateMs = Math.floor((this.instantMs - this.consulBehindMs) / 1000) * 1000;
    return this.pool.step();
  }

  alive(role: Role): readonly SimulatedProcess[] {
    return this.processes.filter((process) => process.role === role && process.state === 'running');
  }

  machine(id: VmId): Machine {
    const machine = this.machines.find((one) => one.id === id);
    if (machine === undefined) throw new TypeError(`no VM ${id}`);
    return machine;
  }

  mistake(invariant: string, detail: string, about = ''): void {
    this.mistakes.push({ invariant, detail, about });
  }

  acknowledge(action: Promised): void {
    const { intent, resource } = action;
    if (this.promised.has(intent)) return;
    this.acknowledged += 1;
    this.promised.set(intent, action);
    this.pool.note('-', `acknowledged: ${intent}`, resource);
  }

  refusedAt(key: string): void {
    this.refusedKeys.add(this.volumeOf(key));
  }

  isBusy(key: string): boolean {
    return this.busy !== null && this.volumeOf(key) === this.busy;
  }

  isRefusing(source: string, key: string): boolean {
    if (this.refusing.size === 0) return false;
    return this.refusing.has(source === 'ceph' ? 'ceph' : parseDiskKey(key).vm);
  }

  /** The id of the volume that a thing of a source belongs to. */
  volumeOf(key: string): string {
    const known = this.volumes.get(key);
    if (known !== undefined) return known;
    const id = key.includes('/volume-') ? key.slice(-36) : (volumeOfDiskKey(key) ?? key);
    this.volumes.set(key, id);
    return id;
  }

  /**
   * C4: a source carries an operation out. Turns at a volume are numbered as they are taken: when a later one has looked at a
   * thing, or has changed anything of that volume, no earlier one changes it any more.
   */
  operated(by: {
    by: SimulatedProcess;
    attempt: number;
    source: 'ceph' | 'qemu';
    key: string;
    changes: boolean;
  }): void {
    const volume = this.volumeOf(by.key);
    const newest = Math.max(this.newestAt.get(by.key) ?? 0, this.newestEffect.get(volume) ?? 0);
    this.newestAt.set(by.key, Math.max(this.newestAt.get(by.key) ?? 0, by.attempt));
    if (!by.changes) return;
    this.pool.note('-', `${by.source} carries out what ${by.by.name} wants, in turn ${by.attempt}`, by.key);
    this.newestEffect.set(volume, Math.max(this.newestEffect.get(volume) ?? 0, by.attempt));
    if (!this.register.owners.has(volume))
      this.mistake('V4', `${by.by.name} changed ${by.key}, which is the name of no volume's thing`);
    else if (by.attempt === 0)
      this.mistake(
        'C2',
        `${by.by.name} changed ${by.key} without ever having had the turn`,
        `volume/${volume}`,
      );
    else if (by.attempt < newest)
      this.mistake(
        'C4',
        `${by.by.name} changed ${by.key} after a later turn had begun there`,
        `volume/${volume}`,
      );
  }

  wake(intent: string): void {
    for (const resolve of this.sleepers.get(intent) ?? []) resolve();
    this.sleepers.delete(intent);
  }

  untilWoken(intent: string): Promise<void> {
    return new Promise((resolve) => {
      this.sleepers.set(intent, [...(this.sleepers.get(intent) ?? []), resolve]);
    });
  }

  /** B4: what a process writes into its log. */
  logOf(process: SimulatedProcess): Log {
    const line = (fields: object, message: string): void => {
      if (textOf(fields).includes(SECRET)) this.mistake('B4', `a secret is in the log: ${message}`);
      if (message.includes('parked')) this.pool.note(process.name, message, textOf(fields));
    };
    return { info: line, warn: line, error: line };
  }

  values<T>(prefix: string): { readonly key: string; readonly value: T; readonly index: number }[] {
    return this.consul.store
      .tree(prefix)
      .map(({ key, value, index }) => ({ key, value: parsed(value) as T, index }));
  }

  actionAt({ account, internal, n }: Pick<Promised, 'account' | 'internal' | 'n'>): ActionRecord | null {
    const { layout, register } = this;
    const key = internal === true ? layout.internalAction(account, n) : layout.action(account, n);
    return register.actions.get(key) ?? null;
  }

  private put(key: string, value: Json): void {
    this.consul.store.transact([{ verb: 'set', key, value: JSON.stringify(value) }]);
  }
}

export function tokenOf(account: AccountId): string {
  return `dop_v1_${SECRET}_${account}`;
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function vmRecord(id: VmId, account: AccountId): VmRecord & Json {
  return { id, name: `vm-${id}`, region: REGION, host: HOST, account, socket: '', createdAt: 0, slots: {} };
}

function textOf(fields: object): string {
  return JSON.stringify(fields, (_key, value: unknown) =>
    value instanceof Error ? { message: value.message, cause: value.cause } : value,
  );
}
