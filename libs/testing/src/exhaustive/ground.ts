import type {
  AccountId,
  AccountRecord,
  HostName,
  Lane,
  Region,
  RegionSlug,
  VmId,
  VmRecord,
  VolumeRecord,
} from '@plumbline/domain';
import type { Rules } from '@plumbline/engine';
import { intentCatalog } from '@plumbline/intents';
import { layoutOf } from '@plumbline/registry';
import type { KvOp, Layout } from '@plumbline/registry';
import { MemorySources } from '../engine/memory-sources.js';
import { FakeStore } from '../kv/fake-store.js';
import type { TransactionResult } from '../kv/fake-store.js';
import { parsed } from '../kv/parsed.js';
import { numbered, numberedObject } from './mirror.js';
import type { Numbered } from './mirror.js';

export const HOST = 'host-a' as HostName;
const REGION = 'nyc1' as RegionSlug;
const REGIONS: readonly Region[] = [
  { slug: REGION, name: 'New York 1', pool: 'volumes-nyc1', hosts: [HOST] },
];
const VM = 1 as VmId;

export const LAYOUT: Layout = layoutOf('plumbline/');
export const RULES: Rules = { catalog: intentCatalog, regions: REGIONS };

/** Whose volume everything is about: the account of the kinds' own examples. */
export const ACCOUNT: AccountRecord = {
  id: '5d2f0a1c-3b4e-4f60-8a7b-9c0d1e2f3a4b' as AccountId,
  name: 'a',
  email: '',
  createdAt: 0,
  limits: { volumes: 10, gib: 1000 },
};

/** A process of ours, as far as what it does is judged. */
export interface Doer {
  readonly name: string;
  readonly boot: string;
}

/** A write that has reached Consul. */
export interface ArrivedWrite {
  readonly by: Doer;
  /** Whether its sender was alive by the registry's own word. */
  readonly bootStood: boolean;
  /** Whether it has changed anything but beats. */
  readonly landed: boolean;
}

/** What all processes of a play share: the store, the sources, and what has just been done to them. */
export class Ground {
  readonly layout = LAYOUT;
  readonly blocklist: Set<string>;
  /** Only to be looked at. */
  sources: MemorySources;
  private isShared: boolean;
  /** Intents that were acknowledged, and their actions' keys. */
  readonly promised: Map<string, string>;
  /** In the present event. */
  writes: ArrivedWrite[] = [];
  readonly mistakes: string[];
  /** The latest turn that has been at a thing, or has changed anything. */
  private readonly newestAt: Map<string, number>;
  private newestEffect = 0;

  private constructor(
    readonly store: FakeStore,
    from: Ground | null,
  ) {
    this.sources = from?.sources ?? new MemorySources();
    this.isShared = from !== null;
    this.blocklist = new Set(from?.blocklist);
    this.promised = new Map(from?.promised);
    this.mistakes = [...(from?.mistakes ?? [])];
    this.newestAt = new Map(from?.newestAt);
    this.newestEffect = from?.newestEffect ?? 0;
  }

  /** Goes on by itself. */
  copy(): Ground {
    this.isShared = true;
    return new Ground(this.store.copy(), this);
  }

  /** The sources, to be changed: those of another run stay as they are. */
  get ownSources(): MemorySources {
    if (this.isShared) this.sources = this.sources.copy();
    this.isShared = false;
    return this.sources;
  }

  static begin(): Ground {
    const ground = new Ground(new FakeStore('each key'), null);
    const vm: VmRecord = {
      id: VM,
      name: 'vm',
      region: REGION,
      host: HOST,
      account: ACCOUNT.id,
      socket: '',
      createdAt: 0,
      slots: {},
    };
    ground.store.transact([{ verb: 'set', key: LAYOUT.vm(VM), value: JSON.stringify(vm) }]);
    return ground;
  }

  /** A write arrives. */
  write(by: Doer, ops: readonly KvOp[]): TransactionResult {
    const bootStood = this.isAlive(by);
    const keys = ops.flatMap(({ key }) => (key.startsWith(this.layout.beats) ? [] : key));
    const before = keys.map((key) => this.store.get(key)?.index);
    const result = this.store.transact(ops);
    const landed = keys.some((key, at) => this.store.get(key)?.index !== before[at]);
    this.writes.push({ by, bootStood, landed });
    return result;
  }

  values<T>(prefix: string): readonly T[] {
    return this.store.tree(prefix).map(({ value }) => parsed(value) as T);
  }

  /** There is one volume. */
  get lane(): Lane | null {
    return this.values<Lane>(this.layout.lanes)[0] ?? null;
  }

  get record(): VolumeRecord | null {
    return this.values<VolumeRecord>(this.layout.volumesOf(ACCOUNT.id))[0] ?? null;
  }

  /** The turn that a worker has now; nought: it has none. */
  turnOf({ boot }: Doer): number {
    const attempt = this.lane?.entries[0]?.attempt;
    return attempt?.boot === boot ? attempt.turn : 0;
  }

  /** C4: where a later turn has been, or once it has changed anything, an earlier one changes nothing any more. */
  operated(by: Doer, { turn, key, changes }: { turn: number; key: string; changes: boolean }): void {
    const newest = Math.max(this.newestAt.get(key) ?? 0, this.newestEffect);
    this.newestAt.set(key, Math.max(this.newestAt.get(key) ?? 0, turn));
    if (!changes) return;
    if (turn < Math.max(newest, 1))
      this.mistakes.push(`C4: ${by.name} changed ${key} in turn ${turn}, after turn ${newest}`);
    this.newestEffect = Math.max(this.newestEffect, turn);
  }

  /** A new intent counts its turns from the beginning. */
  beginAnew(): void {
    this.newestAt.clear();
    this.newestEffect = 0;
  }

  /** What the future depends on, as numbers. */
  state(): readonly Numbered[] {
    const { images, trash, nodes, devices } = this.sources;
    const told: Numbered[] = [];
    for (const [key, stored] of this.store.all())
      told.push(numberedObject(stored, () => `${key} ${stored.index} ${stored.value}`));
    for (const [name, things] of Object.entries({ images, trash, nodes, devices }))
      for (const [key, seen] of things)
        told.push(numberedObject(seen, () => `${name} ${key} ${JSON.stringify(seen)}`));
    for (const address of this.blocklist) told.push(numbered(`blocklist ${address}`));
    for (const address of this.sources.blocklist) told.push(numbered(`fenced ${address}`));
    for (const [key, turn] of this.newestAt) told.push(numbered(`turn ${turn} at ${key}`));
    told.push(numbered(`turn ${this.newestEffect}`));
    return told;
  }

  /** By the registry's word. */
  isAlive({ boot }: Doer): boolean {
    return this.store.get(`${this.layout.boots}${boot}`)?.value.includes('"alive"') ?? false;
  }
}
