import { billingSubscription } from '@plumbline/billing-facets';
import { cephTrash } from '@plumbline/ceph-facets';
import { imageNameOf, nodeNameOf, poolOf, sorted, volumeIdOf, volumeResource } from '@plumbline/domain';
import type {
  ActionRecord,
  DiscrepancyRecord,
  FacetName,
  Json,
  OwedFact,
  Place,
  Source,
  VmId,
  VolumeId,
} from '@plumbline/domain';
import { Purges, Scrubber } from '@plumbline/engine';
import type { ScrubberPorts } from '@plumbline/engine';
import { intentCatalog } from '@plumbline/intents';
import {
  brokenLaneSource,
  usageSource,
  AstrayRecords,
  Discrepancies,
  ScrubDesk,
  allLanes,
  allTombstones,
  recordedVolumeIds,
  nameSource,
  intentsOf,
  ownerSource,
  readingAstray,
  slotSource,
  stuckActionSource,
  tombstoneSource,
} from '@plumbline/registry';
import {
  registryAction,
  registryLane,
  registryName,
  registryOwner,
  registrySlot,
  registryTombstone,
  registryUsage,
} from '@plumbline/registry-facets';
import { EngineWorld, NYC1 } from '../engine/engine-world.js';
import { createFakeRegistry } from '../kv/fake-registry.js';
import type { FakeRegistry } from '../kv/fake-registry.js';

export const SILENCE_MS = 10_000;
const forEver = new AbortController().signal;

/** A whole system in memory with scrubbers over it, whose time goes by only where somebody sleeps. */
export class ScrubWorld {
  readonly billed = new Map<VolumeId, { readonly sizeGib: number; readonly account: string }>();
  readonly book: Discrepancies;
  readonly desk: ScrubDesk;
  /** What a process learns by listing all records. */
  readonly astray = new AstrayRecords();
  private readonly first: Scrubber;

  private constructor(
    readonly world: EngineWorld,
    readonly registry: FakeRegistry,
  ) {
    this.book = new Discrepancies(registry);
    this.desk = new ScrubDesk(registry);
    this.first = this.scrubber('scrubber-1');
  }

  static async open(): Promise<ScrubWorld> {
    const world = await EngineWorld.open();
    const registry = await createFakeRegistry({ consul: world.consul });
    return new ScrubWorld(world, registry);
  }

  /** Another process with the same eyes, or with others. */
  scrubber(name: string, other: Partial<ScrubberPorts> = {}): Scrubber {
    return new Scrubber({ ...this.ports(name), ...other });
  }

  /** A scrubber that gets other answers from one of its sources. */
  seeing(
    facet: FacetName,
    other: (source: Source) => Partial<Source>,
    more: Partial<ScrubberPorts> = {},
  ): Scrubber {
    const sources = this.sources().map((source) =>
      source.facet.name === facet
        ? {
            facet: source.facet,
            list: source.list.bind(source),
            observe: source.observe.bind(source),
            ...other(source),
          }
        : source,
    );
    return this.scrubber('another', { sources, ...more });
  }

  /** One pass of the first scrubber, and then whatever it has filed, to its end. */
  async pass(by: Scrubber = this.first) {
    const report = await by.pass(forEver);
    await this.rest();
    return report;
  }

  async passes(count: number): Promise<void> {
    for (let n = 0; n < count; n += 1) await this.pass();
  }

  async purge(keptMs: number, other: Partial<ScrubberPorts> = {}): Promise<number> {
    const ports = { ...this.ports('scrubber-1'), keptMs, perSecond: 1000, ...other };
    const purges = new Purges({ ...ports, tombstones: () => allTombstones(this.registry) });
    const count = await purges.round(forEver);
    await this.rest();
    return count;
  }

  /** @param params besides the kind's own example */
  async carryOut(kind: string, params: Readonly<Record<string, Json>> = {}): Promise<ActionRecord> {
    const action = await this.admit(kind, params);
    await this.rest();
    return action;
  }

  async admit(kind: string, params: Readonly<Record<string, Json>> = {}): Promise<ActionRecord> {
    const example = intentCatalog.get(kind)?.example as Readonly<Record<string, Json>>;
    return await this.world.admit(kind, { ...example, ...params });
  }

  /** Volumes besides the example, sorted. */
  async volumes(count: number): Promise<readonly VolumeId[]> {
    const ids = Array.from({ length: count }, () => this.world.uuid() as VolumeId).sort();
    for (const volumeId of ids) await this.carryOut('volume-create', { volumeId, name: volumeId });
    return ids;
  }

  /** Somebody moves its image to the trash by hand. */
  trashImage(id: VolumeId): void {
    const { images, trash } = this.world.sources;
    const key = imageKey(id);
    const image = images.get(key);
    if (image === undefined) throw new Error(`no image ${key}`);
    images.delete(key);
    trash.set(key, { ...image, state: 'trashed' });
  }

  /** Lets everything that was begun come to its end. */
  async rest(): Promise<void> {
    for await (const { lane } of allLanes(this.registry)) await this.world.settle(lane.resource);
    await this.drain();
  }

  /** What is owed becomes billed. */
  async drain(): Promise<void> {
    const { kv, layout } = this.registry;
    const [entries = []] = await kv.readTrees([layout.owedTo('billing')]);
    const facts = entries.map(({ value }) => JSON.parse(value) as OwedFact);
    for (const { account, resource, want } of facts.sort((one, other) => one.rev - other.rev)) {
      const id = volumeIdOf(resource);
      if (want === null) this.billed.delete(id);
      else this.billed.set(id, { sizeGib: (want as { sizeGib: number }).sizeGib, account });
    }
    for (const { key } of entries)
      await kv.transact({
        ops: [{ verb: 'delete', key }],
        proof: { key, landed: (entry) => entry === null },
      });
  }

  /** A key of the registry as somebody writes it by hand; null: it is deleted. */
  async write(key: string, to: (now: string | null) => string | null): Promise<void> {
    const [entry] = await this.registry.kv.read([key]);
    const value = to(entry?.value ?? null);
    await this.registry.kv.transact({
      ops: [value === null ? { verb: 'delete', key } : { verb: 'set', key, value }],
      proof: { key, landed: (now) => (now?.value ?? null) === value },
    });
  }

  async found(): Promise<readonly DiscrepancyRecord[]> {
    return await this.book.list();
  }

  /** How many internal intents that volume has had so far: repairs, and its purge. */
  async filedFor(id: VolumeId): Promise<number> {
    const { kv, layout } = this.registry;
    const [entries = []] = await kv.readTrees([layout.internalActions]);
    return entries.filter(({ value }) => (JSON.parse(value) as ActionRecord).resource === volumeResource(id))
      .length;
  }

  async parked(id: VolumeId): Promise<string | null> {
    const { lane } = await this.world.snapshot(volumeResource(id));
    return lane?.entries[0]?.parked?.reason ?? null;
  }

  sources(): readonly Source[] {
    const { sources } = this.world;
    return [
      ...[...sources.backendsOf('ceph').values()].filter(({ facet }) => facet.name !== 'ceph.watch'),
      ...sources.backendsOf('qemu').values(),
      this.trash(),
      this.billing(),
      ...this.ownSources(),
    ];
  }

  private ownSources(): readonly Source[] {
    const { astray, registry } = this;
    return [
      nameSource(registry, registryName),
      ownerSource(registry, registryOwner, astray),
      slotSource(registry, registrySlot),
      tombstoneSource(registry, registryTombstone),
      brokenLaneSource(registry, registryLane),
      usageSource(registry, registryUsage),
      stuckActionSource({ ...registry, now: () => this.world.passedMs }, registryAction),
    ];
  }

  private trash(): Source {
    const { trash } = this.world.sources;
    const things = () =>
      [...trash].map(([key, { imageId }]) => ({ key: `${key}/${imageId}`, seen: { imageId } }));
    return {
      facet: cephTrash,
      observe: ({ key }) => Promise.resolve(things().find((one) => one.key === key)?.seen ?? null),
      list: () =>
        sorted(
          async function* () {
            yield* things();
          },
          ({ key }) => `${cephTrash.volumeOf(key)} ${key}`,
        ),
    };
  }

  private billing(): Source {
    const { billed } = this;
    return {
      facet: billingSubscription,
      observe: ({ key }: Place) => Promise.resolve(billed.get(key as VolumeId) ?? null),
      async *list() {
        for (const [key, seen] of [...billed].sort(([one], [other]) => (one < other ? -1 : 1)))
          yield { key, seen };
      },
    };
  }

  private ports(name: string): ScrubberPorts {
    const { registry, world } = this;
    return {
      name,
      journal: readingAstray(registry, { read: (resource) => world.snapshot(resource) }, this.astray),
      sources: this.sources(),
      volumeIds: (after, turn) => recordedVolumeIds(registry, after, turn),
      isOwed: async (source, resource) =>
        (await registry.kv.keys(registry.layout.owedOf(source, resource))).length > 0,
      intents: (volume) => intentsOf(registry, volume),
      book: this.book,
      desk: this.desk,
      file: async ({ kind, onlyIf, params }) => (await world.admit(kind, params, onlyIf)).intent,
      revFloor: () => world.revFloor,
      volumesPerSecond: 1000,
      silenceMs: SILENCE_MS,
      repairsPerHour: 100,
      monotonicMs: () => world.passedMs,
      now: () => world.passedMs,
      sleep: (ms) => Promise.resolve(void (world.passedMs += ms)),
      within: (_by, call) => call(forEver),
      log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    };
  }
}

export function imageKey(id: VolumeId, region = NYC1): string {
  return `${poolOf(region)}/${imageNameOf(id)}`;
}

export function diskKey(id: VolumeId, vm: VmId): string {
  return `${vm}/${nodeNameOf(id)}`;
}
