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
import { FakeConsul } from '../kv/fake-consul.js';
import { parsed } from '../kv/parsed.js';
import { Versions } from './versions.js';

export const HOST = 'host-a' as HostName;
const REGION = 'nyc1' as RegionSlug;
const REGIONS: readonly Region[] = [
  { slug: REGION, name: 'New York 1', pool: 'volumes-nyc1', hosts: [HOST] },
];
const VM = 1 as VmId;

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
  readonly ops: readonly KvOp[];
  /** Whether its sender was alive by the registry's own word. */
  readonly bootStood: boolean;
  /** The store's index just before. */
  readonly index: number;
}

/** What all processes of a play share: the store, the sources, and what has just been done to them. */
export class Ground {
  readonly consul = new FakeConsul();
  readonly sources = new MemorySources();
  readonly layout: Layout = layoutOf('plumbline/');
  readonly rules: Rules = { catalog: intentCatalog, regions: REGIONS };
  readonly versions = new Versions();
  readonly blocklist = new Set<string>();
  /** Intents that were acknowledged, and their actions' keys. */
  readonly promised = new Map<string, string>();
  /** In the present event. */
  writes: ArrivedWrite[] = [];
  readonly mistakes: string[] = [];
  /** The latest turn that has been at a thing, or has changed anything. */
  private readonly newestAt = new Map<string, number>();
  private newestEffect = 0;

  constructor() {
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
    this.consul.store.transact([{ verb: 'set', key: this.layout.vm(VM), value: JSON.stringify(vm) }]);
  }

  values<T>(prefix: string): readonly T[] {
    return this.consul.store.tree(prefix).map(({ value }) => parsed(value) as T);
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

  /** What the future depends on beside what stands. */
  get turns(): string {
    return JSON.stringify([[...this.newestAt], this.newestEffect]);
  }

  /** Whether an operation of a transaction, if it came now, would let it land. */
  holds(op: KvOp): boolean {
    const index = this.consul.store.get(op.key)?.index ?? 0;
    if (op.verb === 'check-not-exists') return index === 0;
    return !('index' in op) || op.index === index;
  }

  /** By the registry's word. */
  isAlive({ boot }: Doer): boolean {
    return this.consul.store.get(`${this.layout.boots}${boot}`)?.value.includes('"alive"') ?? false;
  }
}
