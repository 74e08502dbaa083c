import { RetryBudget, queueOf } from '@plumbline/domain';
import type {
  AccountId,
  Backend,
  BootId,
  FacetName,
  HostName,
  QueueName,
  ResourceName,
} from '@plumbline/domain';
import { advance, queueOfLane } from '@plumbline/engine';
import type { AdvanceEnd, HostsKnown, WorkerContext } from '@plumbline/engine';
import { BootsView, Takeover, allLanes } from '@plumbline/registry';
import type { RewindSense } from '@plumbline/registry';
import { ProcessClient } from './ceph.js';
import { cephHands } from './ceph-hands.js';
import { Outage } from './outage.js';
import { POLICY, SimulatedProcess } from './process.js';
import { qemuHands } from './qemu-hands.js';
import { HOST } from './where.js';
import type { World } from './world.js';

const RETRY_MS = 1_000;
/** A little more than a host takes to count as away, so that both are met. */
const HOST_GIVEN_UP_MS = 65_000;

/** A process that carries lanes on: of Ceph, which also ends who fell silent, or of a host's VMs. */
export class SimulatedWorker extends SimulatedProcess {
  override readonly queue: QueueName;
  private view!: BootsView;
  private hands: WorkerContext | null = null;
  private rewinds: RewindSense | null = null;
  private readonly outage: Outage;
  private jobs = 0;
  private readonly client: ProcessClient;

  /** @param predecessor the life before this one of the same name, if it is known to be over */
  constructor(
    world: World,
    role: 'ceph' | 'qemu',
    name: string,
    private readonly predecessor: BootId | null,
  ) {
    super(world, role, name);
    this.queue = role === 'ceph' ? queueOf('ceph') : queueOf('qemu', HOST);
    this.client = new ProcessClient(world, this, this.address);
    this.outage = new Outage(world, this);
  }

  override mayTake(): boolean {
    return this.ready && this.outage.mayTake(this.jobs);
  }

  override get hosts(): HostsKnown {
    return this.view;
  }

  override async take(resource: ResourceName | null, account?: AccountId): Promise<AdvanceEnd> {
    if (this.hands === null || resource === null) return null;
    this.jobs += 1;
    try {
      return await advance(this.hands, resource, account);
    } catch (error) {
      this.world.mistake('R1', `a job failed: ${String(error)}`, resource);
      return null;
    } finally {
      this.jobs -= 1;
    }
  }

  protected override async work(): Promise<void> {
    const { registry, role } = this;
    // A worker of VMs has no client that could be fenced, and so fences nobody who has one.
    this.rewinds = (await this.world.rewind?.watch(this, role === 'ceph' ? 'raises' : 'reads')) ?? null;
    const fence = { address: this.address, fence: (address: string) => this.fence(address) };
    const takeover = new Takeover({
      ...registry,
      own: registry.boots,
      fence,
      sure: () => this.sure(),
      onGone: (boot) => void this.ringLanesOf(boot),
      onFailed: () => undefined,
    });
    const onLooked = (view: BootsView): void => {
      if (role === 'ceph' && this.ready) takeover.begin(view);
    };
    const timing = this.timing();
    const hostGivenUpMs = HOST_GIVEN_UP_MS;
    this.view = new BootsView({ ...registry, own: registry.boots, timing, hostGivenUpMs, onLooked });
    await this.view.start();
    while (role === 'ceph' && !(await this.addressNoted())) await this.waitFor(RETRY_MS);
    await this.client.catchUp();
    this.hands = this.workerContext();
    if (this.predecessor !== null)
      await takeover.takeOver({ boot: this.predecessor, beat: null }).catch(() => undefined);
    this.ready = true;
  }

  private workerContext(): WorkerContext {
    const { view } = this;
    return {
      ...this.context(),
      boots: {
        self: this.boot,
        isHostAway: (host) => view.isHostAway(host),
        isHostGivenUp: (host) => this.isGivenUp(host),
        isGone: (boot) => view.isGone(boot),
        isDoubtful: (boot) =>
          view.isSilent(boot) || !view.all().some((known) => known.boot === boot && known.state === 'alive'),
        end: (reason) => this.end(reason),
      },
      queue: this.queue,
      backends: this.backends(),
      policy: POLICY,
      catchUp: () => (this.role === 'ceph' ? this.client.catchUp() : this.waitFor(this.latencyMs())),
      fence: (address) => this.fence(address),
      outages: this.outage,
      stopping: () => false,
      halted: () => this.isHalted(),
      sure: () => this.sure(),
      revFloor: () => this.registry.halts.revFloor,
      retries: new RetryBudget(),
      busy: new Map(),
    };
  }

  private isGivenUp(host: HostName): boolean {
    const is = this.view.isHostGivenUp(host);
    if (is) this.world.faults.see('host-given-up');
    return is;
  }

  /** Where nobody sets the registry back nobody watches it either. */
  private async sure(): Promise<boolean> {
    const { pool, rewind } = this.world;
    const askedMs = pool.nowMs;
    const isSure = (await this.rewinds?.sure()) ?? true;
    if (isSure) this.sureAt = pool.happened;
    rewind?.answered(this, askedMs, isSure);
    return isSure;
  }

  private backends(): ReadonlyMap<FacetName, Backend> {
    return this.role === 'ceph' ? cephHands(this.world, this, this.client) : qemuHands(this.world, this);
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
    if (this.role !== 'ceph') throw new TypeError('this process cannot fence');
    const isOurs = this.world.processes.some((process) => process.address === address);
    if (!isOurs) this.world.faults.see('client-fenced');
    await this.client.fence(address);
  }

  private async ringLanesOf(boot: BootId): Promise<void> {
    this.world.faults.see('boot-taken-over');
    try {
      await this.view.look();
      for await (const { lane } of allLanes(this.registry))
        if (lane.entries[0]?.attempt?.boot === boot)
          await this.world.doorbell.of(this).ring(queueOfLane(lane, this.view), lane.resource);
    } catch {
      // Left to the sweep.
    }
  }
}
