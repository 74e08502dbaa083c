import { RetryBudget, queueOf } from '@plumbline/domain';
import type { AccountId, BootId, ResourceName } from '@plumbline/domain';
import { advance } from '@plumbline/engine';
import type { AdvanceEnd, Clock, EngineContext, HostsKnown, WorkerContext } from '@plumbline/engine';
import { BootsView, Takeover, allLanes, createJournal } from '@plumbline/registry';
import type { Timing } from '@plumbline/registry';
import { queueOfLane } from '@plumbline/engine';
import { createFakeRegistry } from '../kv/fake-registry.js';
import type { FakeRegistry } from '../kv/fake-registry.js';
import { consulLink } from './consul-link.js';
import type { Doorbell } from './doorbell.js';
import type { Owner } from './pool.js';
import { SourceLink } from './source-link.js';
import { HOST } from './world.js';
import type { World } from './world.js';

const RETRY_MS = 1_000;
/** A strike comes so soon after a request was sent: about as long as a request and its reply take. */
const STRIKE_MS = 6;
/** As production has them. */
const POLICY = { deadlineMs: 10_000, triesMax: 10, backoffBaseMs: 200, backoffCapMs: 30_000 };
const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** One life of one process: the registry, the engine and the view of other boots as production puts them together. */
export class SimulatedProcess implements Owner {
  state: Owner['state'] = 'running';
  /** Nothing gets from here to Consul, nor back. */
  cut = false;
  /** How far this machine's clock is from the true one. */
  skewMs = 0;
  /** Takes jobs. */
  ready = false;
  readonly address: string;
  private registry!: FakeRegistry;
  private view!: BootsView;
  private hands: WorkerContext | null = null;

  private constructor(
    readonly world: World,
    readonly bell: Doorbell,
    readonly role: 'api' | 'ceph' | 'qemu',
    readonly name: string,
  ) {
    this.address = `10.0.0.1:0/${name}`;
  }

  /** @param name unique: of one life */
  static async begin(
    world: World,
    bell: Doorbell,
    role: SimulatedProcess['role'],
    name: string,
  ): Promise<SimulatedProcess> {
    const process = new SimulatedProcess(world, bell, role, name);
    process.registry = await createFakeRegistry({
      consul: world.consul,
      timing: process.timing(),
      manners: consulLink(world, process),
      limits: { lingerMs: 8 },
      boot: { name, app: role, host: role === 'qemu' ? HOST : null },
      newId: () => world.random.uuid(),
      now: () => process.instant(),
      onFenced: () => process.end('it was fenced'),
    });
    world.processes.push(process);
    world.pool.note(name, `begins as boot ${process.boot}`);
    process.registry.boots.startBeating();
    if (role !== 'api') void process.startWorking();
    return process;
  }

  get boot(): BootId {
    return this.registry.boots.boot;
  }

  get hosts(): HostsKnown {
    return this.view;
  }

  /** As `kill -9`, or as the process would end itself. */
  end(why: string): void {
    if (this.state === 'dead') return;
    this.world.pool.note(this.name, `ends: ${why}`);
    this.state = 'dead';
  }

  pause(): void {
    if (this.state === 'running') this.state = 'paused';
  }

  resume(): void {
    if (this.state !== 'paused') return;
    this.state = 'running';
    this.world.pool.thaw(this);
  }

  /** The moment for what was to befall some worker at work: before the request arrives, after it, or after its reply. */
  mayBeStruck(): void {
    const { faults, pool, random } = this.world;
    const strike = this.role === 'api' ? null : faults.nextStrike();
    if (strike !== null)
      pool.after(random.next() * STRIKE_MS, { owner: null, what: `${this.name} is struck` }, () =>
        strike(this),
      );
  }

  async work(resource: ResourceName, account?: AccountId): Promise<AdvanceEnd> {
    if (this.hands === null) return null;
    try {
      return await advance(this.hands, resource, account);
    } catch (error) {
      this.world.mistakes.push({
        invariant: 'R1',
        detail: `a job failed: ${String(error)}`,
        about: resource,
      });
      return null;
    }
  }

  context(uuid: () => string = () => this.world.random.uuid()): EngineContext {
    const { world, registry } = this;
    const nonce = (): string => world.random.uuid();
    return {
      journal: createJournal({ kv: registry.kv, layout: registry.layout, nonce }),
      rules: world.rules,
      bell: this.bell.of(this),
      clock: this.clock(),
      log: quiet,
      uuid,
      nonce,
      random: () => world.random.next(),
    };
  }

  private async startWorking(): Promise<void> {
    const { world, registry } = this;
    const timing = this.timing();
    const takeover =
      this.role === 'ceph'
        ? new Takeover({
            ...registry,
            own: registry.boots,
            fence: { address: this.address, fence: (address) => this.fence(address) },
            sure: () => Promise.resolve(true),
            onGone: (boot) => void this.ringLanesOf(boot),
            onFailed: () => undefined,
          })
        : null;
    const onLooked = (view: BootsView): void => takeover?.begin(view);
    this.view = new BootsView({ ...registry, own: registry.boots, timing, onLooked });
    await this.view.start();
    while (this.role === 'ceph' && !(await this.addressNoted())) await this.waitFor(RETRY_MS);
    const source = this.role === 'qemu' ? 'qemu' : 'ceph';
    this.hands = {
      ...this.context(),
      boots: {
        self: this.boot,
        isHostAway: (host) => this.view.isHostAway(host),
        isGone: (boot) => this.view.isGone(boot),
        isDoubtful: (boot) =>
          this.view.isSilent(boot) ||
          !this.view.all().some((known) => known.boot === boot && known.state === 'alive'),
        end: (reason) => this.end(reason),
      },
      queue: source === 'qemu' ? queueOf('qemu', HOST) : queueOf('ceph'),
      backends: new SourceLink(world, this, source).backends(),
      policy: POLICY,
      catchUp: () => this.waitFor(world.latencyMs()),
      fence: (address) => this.fence(address),
      outages: { waitMs: () => 0, isAway: () => false, report: () => undefined },
      stopping: () => false,
      halted: () => false,
      sure: () => Promise.resolve(true),
      retries: new RetryBudget(),
      busy: new Map(),
    };
    this.ready = true;
  }

  private async addressNoted(): Promise<boolean> {
    try {
      await this.registry.boots.noteAddress(this.address);
      return true;
    } catch {
      return false;
    }
  }

  private async fence(address: string): Promise<void> {
    const { world } = this;
    await world.pool.wait(world.latencyMs(), { owner: null, what: `${this.name}: blocklist ${address}` });
    world.blocklist.add(address);
    world.sources.fence(address);
    await this.waitFor(world.latencyMs());
  }

  private async ringLanesOf(boot: BootId): Promise<void> {
    this.world.faults.see('boot-taken-over');
    try {
      await this.view.look();
      for await (const { lane } of allLanes(this.registry))
        if (lane.entries[0]?.attempt?.boot === boot)
          await this.bell.of(this).ring(queueOfLane(lane, this.view), lane.resource);
    } catch {
      // Left to the sweep.
    }
  }

  private waitFor(ms: number): Promise<void> {
    return this.world.pool.wait(ms, { owner: this, what: 'waits' });
  }

  private instant(): number {
    return Math.floor(this.world.instantMs + this.skewMs);
  }

  private timing(): Timing {
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
      now: () => this.instant(),
      trusted: () => boots.clockTrusted() && boots.isBeating(),
      deadline: (ms) => {
        const controller = new AbortController();
        const clear = pool.after(ms, { owner: this, what: 'deadline' }, () => controller.abort());
        return { signal: controller.signal, clear };
      },
    };
  }
}
