import { HeldError, UncertainError } from '@plumbline/domain';
import type { AccountId, BootId, BootRecord, QueueName, ResourceName } from '@plumbline/domain';
import type { AdvanceEnd, Clock, EngineContext, HostsKnown, StepPolicy } from '@plumbline/engine';
import { createJournal } from '@plumbline/registry';
import type { KvOp, Timing } from '@plumbline/registry';
import { createFakeRegistry } from '../kv/fake-registry.js';
import type { FakeRegistry } from '../kv/fake-registry.js';
import { consulLink } from './consul-link.js';
import type { CallPoint, Moment, WritePoint } from './faults.js';
import type { Owner } from './pool.js';
import { SeededRandom } from './random.js';
import { HOST } from './where.js';
import type { World } from './world.js';

/** As production has them. */
export const POLICY: StepPolicy = {
  deadlineMs: 10_000,
  triesMax: 14,
  backoffBaseMs: 200,
  backoffCapMs: 8_000,
};
const LINGER_MS = 8;
/** So few requests come at a time that with more than one reading under way none would ever wait for another. */
const API_READS_AT_ONCE = 1;
const REGISTRY_AWAY_MS = 1_000;
/** How far a stamp may be ahead of the true time: an answer has whole seconds, and takes a while. */
const STAMP_AHEAD_MAX_MS = 2_500;
const STAMPS = /"(?:at|recordedAt|startedAt|completedAt)":(\d+)/g;
const SLOW_SHARE = 0.2;
const VERY_SLOW_SHARE = 0.02;

export type Role = 'api' | 'ceph' | 'qemu' | 'billing' | 'scrub';

/** One life of one process: the registry and the engine's ports as production puts them together, on the pool's time. */
export class SimulatedProcess implements Owner {
  state: Owner['state'] = 'running';
  /** Nothing gets from here to Consul and back; or all gets there, and no answer comes. */
  get cut(): 'both' | 'replies' | null {
    return this.#cut;
  }
  set cut(how: 'both' | 'replies' | null) {
    this.#cut = how;
    this.hindered ||= how !== null;
  }
  /** How far this machine's wall clock is from the true one. */
  skewMs = 0;
  /** Takes jobs, or requests. */
  ready = false;
  /** What it knows of other boots, and of hosts. */
  get hosts(): HostsKnown | null {
    return null;
  }
  /** Whose jobs it takes. */
  readonly queue: QueueName | null = null;
  /** When its last beat landed, and whether anything of its own has kept it from beating since. */
  beatLandedMs = 0;
  hindered = false;
  /** In which event it last knew that the registry was not set back. */
  sureAt: number | null = null;
  readonly random: SeededRandom;
  readonly address: string;
  protected registry!: FakeRegistry;
  #cut: 'both' | 'replies' | null = null;

  /** @param name unique: of one life */
  constructor(
    readonly world: World,
    readonly role: Role,
    readonly name: string,
  ) {
    this.random = SeededRandom.of(world.seed, name);
    this.address = `10.0.0.1:0/${name}`;
  }

  async begin(): Promise<void> {
    const { world, role, name } = this;
    this.registry = await createFakeRegistry({
      consul: world.consul,
      timing: this.timing(),
      manners: consulLink(world, this),
      limits: { lingerMs: LINGER_MS, ...(role === 'api' ? { readsInFlightMax: API_READS_AT_ONCE } : {}) },
      boot: { name, app: role, host: role === 'qemu' ? HOST : null },
      newId: () => this.random.uuid(),
      now: () => this.wallClock(),
      onFenced: () => this.end('it was fenced'),
      onClockAhead: () => this.end('the registry’s clock was set back'),
    });
    this.beatLanded();
    world.processes.push(this);
    world.pool.note(name, `begins as boot ${this.boot}`);
    this.registry.boots.startBeating();
    if (world.rewind !== null) this.registry.halts.start();
    void this.work();
  }

  get boot(): BootId {
    return this.registry.boots.boot;
  }

  /** As `kill -9`, or as the process would end itself. */
  end(why: string): void {
    if (this.state === 'dead') return;
    this.world.pool.note(this.name, `ends: ${why}`);
    this.state = 'dead';
  }

  pause(): void {
    if (this.state !== 'running') return;
    this.world.pool.note(this.name, 'is paused');
    this.state = 'paused';
    this.hindered = true;
  }

  /** C6: whatever this machine's wall clock says, nothing is stamped with it. */
  expectTrueStamps(ops: readonly KvOp[]): void {
    const latestMs = this.world.instantMs + STAMP_AHEAD_MAX_MS;
    for (const op of ops) {
      if (!('value' in op)) continue;
      for (const [, at] of op.value.matchAll(STAMPS))
        if (Number(at) > latestMs)
          this.world.mistake(
            'C6',
            `${this.name} stamps ${op.key} ${Number(at) - this.world.instantMs} ms ahead`,
          );
    }
  }

  /** Somebody has finished his work on it. */
  hears(_resource: ResourceName): void {}

  beatLanded(): void {
    this.beatLandedMs = this.world.pool.nowMs;
    this.hindered = this.state !== 'running' || this.#cut !== null;
  }

  resume(): void {
    if (this.state !== 'paused') return;
    this.state = 'running';
    this.world.pool.note(this.name, 'wakes');
    this.world.pool.thaw(this);
  }

  /** Mostly quick, sometimes slow, seldom very slow. */
  latencyMs(): number {
    const { random } = this;
    const how = random.next();
    if (how < VERY_SLOW_SHARE) return random.between(50, 1500);
    return how < SLOW_SHARE ? random.between(3, 60) : random.next() * 3;
  }

  /** What was to befall some worker at this point, to be called at each of its moments; null: nothing. */
  strikeAt(point: CallPoint | WritePoint | null): ((moment: Moment) => void) | null {
    if (this.role === 'api' || point === null) return null;
    const strike = this.world.faults.ofWorker(point);
    if (strike === null) return null;
    return (moment) => {
      if (moment === strike.moment) this.world.strike(this, strike.kind);
    };
  }

  /** The engine's ports. */
  context(): EngineContext {
    const { world, registry, random } = this;
    const uuid = (): string => random.uuid();
    return {
      journal: createJournal({ kv: registry.kv, layout: registry.layout, nonce: uuid }),
      rules: world.rules,
      bell: world.doorbell.of(this),
      clock: this.clock(),
      log: world.logOf(this),
      uuid,
      nonce: uuid,
      random: () => random.next(),
    };
  }

  /** Whether it takes one more job now. */
  mayTake(): boolean {
    return this.ready;
  }

  /** One job: a lane to look at or, with null, whatever is owed. */
  take(_resource: ResourceName | null, _account?: AccountId): Promise<AdvanceEnd> {
    return Promise.resolve(null);
  }

  /** Nothing is begun: somebody has found that the registry was set back. */
  isHalted(): boolean {
    return this.registry.halts.known !== null;
  }

  /** For whoever watches the registry on its behalf. */
  watching(): { readonly registry: FakeRegistry; readonly timing: Timing } {
    return { registry: this.registry, timing: this.timing() };
  }

  waitFor(ms: number, what = 'waits'): Promise<void> {
    return this.world.pool.wait(ms, { owner: this, what });
  }

  /** As a worker of VMs does: rejects unless this boot still stands. */
  async expectStanding(): Promise<void> {
    const { kv, layout } = this.registry;
    const [entry] = await kv.read([layout.boot(this.boot)]).catch((cause: unknown) => {
      const why = { reason: 'registry-away', retryAfterMs: REGISTRY_AWAY_MS, cause };
      throw new HeldError('could not learn whether this boot still stands', why);
    });
    if (entry && (JSON.parse(entry.value) as BootRecord).state === 'alive') return;
    this.end('it was fenced');
    throw new UncertainError('this boot was fenced', { reason: 'fenced' });
  }

  /** What it does all its life. */
  protected async work(): Promise<void> {}

  private wallClock(): number {
    return Math.floor(this.world.instantMs + this.skewMs);
  }

  protected timing(): Timing {
    const { pool } = this.world;
    return {
      nowMs: () => pool.nowMs,
      after: (delayMs, call) => pool.after(delayMs, { owner: this, what: 'timer' }, call),
      soon: (call) => void pool.after(0, { owner: this, what: 'soon' }, call),
    };
  }

  private clock(): Clock {
    const { pool } = this.world;
    const { boots } = this.registry;
    return {
      now: () => boots.registryNow(),
      trusted: () => boots.clockTrusted() && boots.isBeating(),
      deadline: (ms) => {
        const controller = new AbortController();
        const clear = pool.after(ms, { owner: this, what: 'deadline' }, () => controller.abort());
        return { signal: controller.signal, clear };
      },
    };
  }
}
