import { TransientError, Refusal, StaleError } from '@plumbline/domain';
import type { ResourceName, Source, VolumeId } from '@plumbline/domain';
import { Purges, Scrubber, admit, definitionOf } from '@plumbline/engine';
import type { Filing, ScrubberPorts } from '@plumbline/engine';
import { qemuDevice, qemuNode } from '@plumbline/qemu-facets';
import {
  Discrepancies,
  Leadership,
  ScrubDesk,
  createJournal,
  nameSource,
  intentsOf,
  recordedVolumeIds,
  slotSource,
} from '@plumbline/registry';
import { registryName, registrySlot } from '@plumbline/registry-facets';
import { ProcessClient } from './ceph.js';
import { cephSources } from './ceph-hands.js';
import { POLICY, SimulatedProcess } from './process.js';
import { qemuSources } from './qemu-hands.js';
import { SILENCE_MS, TRASH_KEPT_MS } from './scrubbing.js';
import { listed } from './truth.js';
import type { Thing } from './truth.js';
import { ACCOUNTS } from './world.js';
import type { World } from './world.js';

const RETRY_MS = 1_000;
/** How soon after a pass who leads begins the next, and who follows asks whether the lead is free. */
const ROUND_MS = 2_000;
const REPAIRS_PER_HOUR = 1_000;
const VOLUMES_PER_SECOND = 1_000;
const PURGES_PER_SECOND = 5;
const UNKNOWN = 'outcome_unknown';

/** The process that looks at everything, and has repaired and purged what is to be. Of several one leads. */
export class SimulatedScrubber extends SimulatedProcess {
  private readonly client: ProcessClient;
  private sources: readonly Source[] = [];
  private ports!: ScrubberPorts;
  private scrubber: Scrubber | null = null;
  /** What could not be listed in this pass. */
  private readonly unlisted = new Set<string>();

  constructor(world: World, name: string) {
    super(world, 'scrub', name);
    this.client = new ProcessClient(world, this, this.address);
  }

  protected override async work(): Promise<void> {
    await this.world.rewind?.watch(this, 'reads');
    while (!(await this.addressNoted())) await this.waitFor(RETRY_MS);
    await this.client.catchUp();
    this.sources = this.eyes();
    this.ports = this.portsWith(this.sources);
    this.ready = true;
    await this.lead();
  }

  override hears(resource: ResourceName): void {
    this.scrubber?.noteChanged(resource);
  }

  private async lead(): Promise<void> {
    const { ports, registry, world } = this;
    const { signal } = new AbortController();
    const scrubber = (this.scrubber = new Scrubber(ports));
    const purges = new Purges({
      ...ports,
      tombstones: () => this.tombstones(),
      keptMs: TRASH_KEPT_MS,
      perSecond: PURGES_PER_SECOND,
    });
    const leadership = new Leadership({ ...registry, boot: this.boot, of: 'leader' });
    for (;;) {
      try {
        if (this.isHalted()) scrubber.forget();
        else if (await leadership.hold()) {
          world.scrubbing.begins(this);
          await purges.round(signal);
          this.unlisted.clear();
          await scrubber.pass(signal);
          world.faults.see('pass-done');
        }
      } catch (error) {
        if (!(error instanceof Refusal) && !(error instanceof StaleError))
          world.mistake('A2', `a pass of ${this.name} failed: ${String(error)}`);
      }
      await this.waitFor(ROUND_MS, 'waits for its next pass');
    }
  }

  private portsWith(sources: readonly Source[]): ScrubberPorts {
    const { world, registry } = this;
    const { kv, layout } = registry;
    const book = new Discrepancies(registry);
    return {
      name: this.name,
      journal: createJournal({ kv, layout, nonce: () => this.random.uuid() }),
      sources,
      volumeIds: (after) => this.volumeIds(after),
      isOwed: async (source, resource: ResourceName) =>
        (await kv.keys(layout.owedOf(source, resource))).length > 0,
      intents: (volume) => intentsOf(this.registry, volume),
      book: {
        list: async () => {
          world.scrubbing.decides(this);
          return await book.list();
        },
        change: (about, edit) => book.change(about, edit),
      },
      desk: new ScrubDesk(registry),
      file: (filing) => this.file(filing),
      revFloor: () => registry.halts.revFloor,
      volumesPerSecond: VOLUMES_PER_SECOND,
      silenceMs: SILENCE_MS,
      repairsPerHour: REPAIRS_PER_HOUR,
      monotonicMs: () => world.pool.nowMs,
      now: () => registry.boots.registryNow(),
      sleep: (ms) => this.waitFor(ms, 'keeps its pace'),
      within: ({ deadlineMs, what }, call) => this.ended({ what, deadlineMs }, call),
      log: world.logOf(this),
    };
  }

  /** As a customer's request is recorded: what was refused for certain must never come to pass. */
  private async file({ account, kind, onlyIf, params }: Filing) {
    const { world } = this;
    const context = this.context();
    const definition = definitionOf(context.rules.catalog, kind);
    const tried: string[] = [];
    const uuid = (): string => {
      const id = this.random.uuid();
      tried.push(id);
      return id;
    };
    const resource = definition.resource(params);
    world.pool.note(this.name, `files ${kind} ${JSON.stringify(params)}`, resource);
    world.scrubbing.files(this, kind, resource);
    try {
      const { action } = await admit(
        { ...context, uuid },
        {
          definition,
          params: definition.params.parse(params),
          account: ACCOUNTS.find(({ id }) => id === account)!,
          requestId: 'scrubber',
          onlyIf,
        },
      );
      world.acknowledge(action);
      world.faults.see(kind === 'volume-purge' ? 'purge-filed' : 'repair-filed');
      return action.intent;
    } catch (error) {
      const isUnknown = error instanceof Refusal && error.reason === UNKNOWN;
      world.pool.note(this.name, `could not file ${kind}: ${String(error)}`, resource);
      if (!isUnknown) for (const intent of tried) world.refused.add(intent);
      throw error;
    }
  }

  /** What it sees, and how: each look has an end, and is noted for those who judge. */
  private eyes(): readonly Source[] {
    const { world } = this;
    const billing = [...world.billing.facets.values()].map((source): Source => ({
      facet: source.facet,
      observe: async (place, signal) => {
        await this.waitFor(this.latencyMs(), `scrubs ${source.facet.name}`);
        return await source.observe(place, signal);
      },
      list: () => listed(world, this, source.facet),
    }));
    const remote = [qemuNode, qemuDevice].map((facet): Source => ({
      facet,
      observe: async (place, signal) => {
        await this.waitFor(this.latencyMs(), `asks for ${facet.name}`);
        return await this.inVm(facet.name).observe(place, signal);
      },
      list: (signal) => this.inVms(facet.name, signal),
    }));
    const own = [nameSource(this.registry, registryName), slotSource(this.registry, registrySlot)].map(
      (source): Source => ({ ...source, list: () => listed(world, this, source.facet) }),
    );
    return [...cephSources(world, this, this.client), ...billing, ...remote, ...own].map((source) =>
      this.noted(source),
    );
  }

  private noted(source: Source): Source {
    const { world } = this;
    const confirm: Source['confirm'] = (place, want) =>
      this.ended(
        { what: place.key, deadlineMs: POLICY.deadlineMs },
        async (signal) => (await source.confirm?.(place, want, signal)) ?? null,
      );
    return {
      facet: source.facet,
      confirm,
      list: (signal) => this.listed(source, signal),
      observe: async (place) => {
        const sentMs = world.pool.nowMs;
        const by = { what: place.key, deadlineMs: POLICY.deadlineMs };
        const seen = await this.ended(by, (signal) => source.observe(place, signal));
        world.scrubbing.looked(this, { facet: source.facet, place, sentMs });
        return seen;
      },
    };
  }

  private async *listed(source: Source, signal: AbortSignal) {
    try {
      yield* source.list(signal);
    } catch (error) {
      this.unlisted.add(source.facet.name);
      throw error;
    }
  }

  private async ended<T>(
    { deadlineMs, what }: { what: string; deadlineMs: number },
    look: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const controller = new AbortController();
    const label = { owner: this, what: 'gives a look up', about: what };
    let clear = (): void => undefined;
    const late = new Promise<never>((_resolve, reject) => {
      clear = this.world.pool.after(deadlineMs, label, () => {
        controller.abort();
        reject(new TransientError('nobody answered in time', { reason: 'deadline' }));
      });
    });
    try {
      return await Promise.race([look(controller.signal), late]);
    } finally {
      clear();
    }
  }

  /** The worker who has the VMs' monitors. */
  private inVm(facet: string): Source {
    const [worker] = this.world.alive('qemu').filter(({ ready }) => ready);
    const source = worker && qemuSources(this.world, worker).find((one) => one.facet.name === facet);
    if (source === undefined) throw new TransientError('nobody lives on that host', { reason: 'host-away' });
    return source;
  }

  private async *inVms(facet: string, signal: AbortSignal) {
    const worker = this.inVm(facet);
    const by = { what: facet, deadlineMs: POLICY.deadlineMs };
    yield* await this.ended(by, async () => {
      const things: Thing[] = [];
      for await (const thing of worker.list(signal)) things.push(thing);
      return things;
    });
  }

  private async *volumeIds(after: VolumeId | null) {
    for await (const id of recordedVolumeIds(this.registry, after)) {
      // In a walk each volume is held against each source that could be listed.
      this.world.scrubbing.looks.at(`volume/${id}`, this.sources.length - this.unlisted.size);
      yield id;
    }
  }

  private async *tombstones() {
    const { kv, layout } = this.registry;
    const [entries = []] = await kv.readTrees([layout.tombstones]);
    for (const { value } of entries) yield JSON.parse(value) as never;
  }

  private async addressNoted(): Promise<boolean> {
    try {
      await this.registry.boots.noteAddress(this.address);
      return true;
    } catch {
      return false;
    }
  }
}
