import { imageKeyOf } from '@plumbline/ceph-facets';
import type { VmId } from '@plumbline/domain';
import { intervene } from '@plumbline/engine';
import { SimulatedApi } from './api.js';
import { SimulatedBilling } from './billing.js';
import { Hand } from './drift.js';
import { DRIFTS } from './drifts.js';
import type { Drift } from './drifts.js';
import { nameOf } from './faults.js';
import type { Fault, Strike, Sudden } from './faults.js';
import type { Role, SimulatedProcess } from './process.js';
import { SeededRandom } from './random.js';
import { faultOf } from './script.js';
import type { Script } from './script.js';
import { SimulatedScrubber } from './scrubber.js';
import { SimulatedWorker } from './worker.js';
import { REGION } from './where.js';
import type { World } from './world.js';

const PAUSE_MS = 20_000;
/** Long enough for what is to be removed there to be fenced instead; three times as long, and nothing waits for it. */
const HOST_LEFT_MS = 45_000;
const AWAY_MS = 6_000;
const SILENT_MS = 15_000;
const OVERLAP_MS = 15_000;
const CUT_MS = 15_000;
const RESTART_MS = 3_000;
/** Sorts before the VMs': whoever takes the first of two that watch takes the wrong one. */
const STRANGER = '10.0.9.9:0/1';
/** Long after its process has had the time to learn of it. */
const CLOCK_OFF_MS = 40_000;
/** As little as the ticks of a clock that is kept right, and so much that whoever stamps by the time before must end. */
const CLOCK_BEHIND_MS = [1_000, 4_000, 15_000];
const SKEW_MS = 40 * 86_400_000;
/** Of the processes that are started again, how many find proof that the one before is gone. */
const PROOF_SHARE = 0.4;
/** Of what is parked, how much an operator ends each time. */
const STEP_IN_SHARE = 0.5;

/** Who lets things happen to the system, and starts again what has ended, as whoever looks after processes does. */
export class Nemesis {
  inflicted = 0;
  private lives = 0;
  private calm = false;
  /** Processes whose successors have begun. */
  private readonly overlapping: SimulatedProcess[] = [];
  private readonly random: SeededRandom;
  private readonly hand: Hand;

  constructor(private readonly world: World) {
    this.random = SeededRandom.of(world.seed, 'nemesis');
    this.hand = new Hand(world, this.random);
    world.strike = (process, kind) => this.strike(process, kind);
  }

  async start(role: Role, slot: string, predecessor: SimulatedProcess | null = null): Promise<void> {
    const name = `${slot}.${(this.lives += 1)}`;
    const isProven = predecessor?.state === 'dead' && this.random.chance(PROOF_SHARE);
    await this.made(role, name, isProven ? predecessor : null).begin();
  }

  begin({ planned }: Script): void {
    for (const one of planned)
      this.world.pool.after(one.atMs, { owner: null, what: 'fault' }, () => this.inflict(faultOf(one)));
    this.watch();
  }

  /** Faults stop, and everything is as it should be but for what they have left behind. */
  heal(): void {
    const { world } = this;
    this.calm = true;
    world.faults.stop();
    world.consulAway = false;
    world.consulFull = false;
    world.consulBehindMs = 0;
    world.apiDozes = false;
    world.billing.manners.down = false;
    world.doorbell.state = 'there';
    world.ceph.speak();
    world.refusing.clear();
    for (const process of this.overlapping) process.end('its successor is there');
    for (const machine of world.machines) {
      machine.holdsDisks = false;
      machine.resume();
    }
    for (const process of world.processes) {
      process.cut = null;
      process.skewMs = 0;
      this.wake(process);
    }
  }

  private made(role: Role, name: string, predecessor: SimulatedProcess | null): SimulatedProcess {
    if (role === 'api') return new SimulatedApi(this.world, role, name);
    if (role === 'scrub') return new SimulatedScrubber(this.world, name);
    if (role === 'billing') return new SimulatedBilling(this.world, role, name);
    return new SimulatedWorker(this.world, role, name, predecessor?.boot ?? null);
  }

  private wake(process: SimulatedProcess): void {
    if (process.state !== 'paused') return;
    this.world.faults.see('zombie-woke');
    process.resume();
  }

  /** A process that has ended is started again after a while. */
  private watch(): void {
    const { world } = this;
    const slots = new Map<string, SimulatedProcess>();
    for (const process of world.processes) slots.set(process.name.split('.')[0]!, process);
    this.stepIn();
    for (const [slot, process] of slots)
      if (process.state === 'dead' && this.mayStart(process) && this.random.chance(0.5))
        void this.start(process.role, slot, process);
    world.pool.after(RESTART_MS, { owner: null, what: 'whoever ended is started' }, () => this.watch());
  }

  private mayStart({ role }: SimulatedProcess): boolean {
    return role !== 'qemu' || this.world.pool.nowMs >= this.world.hostBackMs;
  }

  /** An operator looks at what is parked, and says what is to become of some of it. */
  private stepIn(): void {
    const { world } = this;
    const [api] = world.alive('api');
    for (const { resource, entries } of world.register.lanes.values()) {
      const [head] = entries;
      if (!head?.parked || api === undefined || this.calm || !this.random.chance(STEP_IN_SHARE)) continue;
      const what = this.random.pick(['resume', 'undo'] as const);
      world.intervened.add(head.intent);
      world.pool.note('operator', what, resource);
      const asked = { resource, intent: head.intent, what, operator: { by: 'a person', reason: 'a reason' } };
      const done = intervene(api.context(), asked);
      done.then(
        () => world.faults.see('operator-stepped-in'),
        () => undefined,
      );
    }
  }

  private inflict(fault: Fault): void {
    if (this.calm) return;
    const { world } = this;
    this.inflicted += 1;
    world.pool.note('nemesis', nameOf(fault));
    if (fault.at !== null || fault.kind === 'ring-doubled' || fault.kind === 'ring-late')
      world.faults.arm(fault);
    else if (this.befalls(fault.kind)) world.faults.see(nameOf(fault));
  }

  /** False: there is nobody whom it could befall. */
  private befalls(kind: Sudden): boolean {
    const { world, random } = this;
    if (isDrift(kind)) return this.hand.plants(kind);
    switch (kind) {
      case 'all-killed':
        for (const process of world.processes) process.end('killed');
        return true;
      case 'consul-away':
        world.consulAway = true;
        this.later('Consul is back', () => (world.consulAway = false), AWAY_MS);
        return true;
      case 'consul-full':
        world.consulFull = true;
        this.later('Consul can be written again', () => (world.consulFull = false), SILENT_MS);
        return true;
      case 'consul-clock-set':
        world.consulBehindMs = random.pick(CLOCK_BEHIND_MS);
        world.clockWasSet = true;
        this.later('Consul’s clock is set right', () => (world.consulBehindMs = 0), CLOCK_OFF_MS);
        return true;
      case 'ceph-silent':
        world.ceph.fallSilent();
        this.later('Ceph answers again', () => world.ceph.speak(), SILENT_MS);
        return true;
      case 'ceph-refuses':
        return this.refuses('ceph');
      case 'billing-down':
        world.billing.manners.down = true;
        this.later('PostgreSQL is back', () => (world.billing.manners.down = false), AWAY_MS);
        return true;
      case 'bell-away':
      case 'bell-hung':
        world.doorbell.state = kind === 'bell-away' ? 'away' : 'hung';
        this.later('Redis is back', () => (world.doorbell.state = 'there'), AWAY_MS);
        return true;
      case 'host-left':
        world.hostBackMs = world.pool.nowMs + random.between(HOST_LEFT_MS, 3 * HOST_LEFT_MS);
        for (const process of world.processes) if (process.role === 'qemu') process.end('its host is down');
        return true;
      case 'api-paused':
        world.apiDozes = true;
        return true;
      case 'volume-busy': {
        const volumes = [...world.register.records.values()];
        world.busy = volumes.length === 0 ? null : random.pick(volumes).id;
        if (world.busy !== null) world.wereBusy.add(world.busy);
        return world.busy !== null;
      }
      case 'image-watched':
        return this.strangerWatches();
      case 'queue-flushed':
        world.doorbell.flush();
        return true;
      case 'vm-refuses':
        return this.refuses(random.pick(world.machines).id);
      case 'vm-paused':
      case 'vm-restarted':
      case 'unplug-unanswered':
        return this.befallsVm(kind);
      default: {
        const among =
          kind === 'api-killed'
            ? world.alive('api')
            : kind === 'clock-jumped'
              ? this.running()
              : this.workers();
        // Of a host's workers one alone has a monitor, so that two of them matter most.
        const ofHost = kind === 'restarted-over-living' ? world.alive('qemu') : [];
        if (ofHost.length > 0) return this.befallsProcess(kind, random.pick(ofHost));
        if (among.length === 0) return false;
        return this.befallsProcess(kind, random.pick(among));
      }
    }
  }

  /** Somebody who is none of ours opens an image that no VM has, such as a backup. */
  private strangerWatches(): boolean {
    const { ceph, register } = this.world;
    const { records, lanes } = register;
    const idle = [...records].filter(([name, { attachment }]) => attachment === null && !lanes.has(name));
    if (idle.length === 0) return false;
    const [resource, { id }] = this.random.pick(idle);
    const key = imageKeyOf(REGION, id);
    ceph.watch(key, STRANGER);
    this.world.pool.note('a stranger', 'opens the image', resource);
    this.later('a stranger closes an image', () => ceph.unwatch(key, STRANGER), SILENT_MS);
    return true;
  }

  /** Long enough for whoever asks to believe that it is away. */
  private refuses(who: 'ceph' | VmId): boolean {
    const { world } = this;
    world.refusing.add(who);
    this.later('refuses no more', () => world.refusing.delete(who), SILENT_MS);
    return true;
  }

  private befallsVm(kind: Sudden): boolean {
    const machine = this.random.pick(this.world.machines);
    if (kind === 'vm-restarted') machine.restart();
    else if (kind === 'vm-paused') {
      machine.pause();
      this.later(`vm-${machine.id} wakes`, () => machine.resume(), SILENT_MS);
    } else {
      machine.holdsDisks = true;
      this.later(`vm-${machine.id} lets go of disks`, () => (machine.holdsDisks = false), PAUSE_MS);
    }
    return true;
  }

  private befallsProcess(kind: Sudden, process: SimulatedProcess): boolean {
    switch (kind) {
      case 'worker-killed':
      case 'api-killed':
        process.end('killed');
        return true;
      case 'worker-paused':
        this.pause(process);
        return true;
      case 'restarted-over-living':
        if (this.overlapping.includes(process)) return false;
        void this.start(process.role, process.name.split('.')[0]!);
        this.overlapping.push(process);
        this.later(
          `${process.name} is ended at last`,
          () => process.end('its successor is there'),
          OVERLAP_MS,
        );
        return true;
      case 'network-cut':
      case 'replies-cut':
        process.cut = kind === 'network-cut' ? 'both' : 'replies';
        this.later(`${process.name} is connected again`, () => (process.cut = null), CUT_MS);
        return true;
      case 'clock-jumped':
        this.setClock(process);
        return true;
      default:
        return false;
    }
  }

  /** All processes of a machine go by its clock. */
  private setClock({ name }: SimulatedProcess): void {
    const skewMs = this.random.pick([-SKEW_MS, SKEW_MS, -3_600_000, 3_600_000, -8_000, 8_000]);
    const ofMachine = this.running().filter((one) => isOnFirst(one.name) === isOnFirst(name));
    for (const one of ofMachine) one.skewMs = skewMs;
    const setRight = (): void => {
      for (const one of ofMachine) one.skewMs = 0;
    };
    this.later(`the clock of ${name} is set right`, setRight, CLOCK_OFF_MS);
  }

  /** In the middle of its work; whose call comes back after faults have stopped is spared. */
  private strike(process: SimulatedProcess, kind: Strike): void {
    if (this.calm || process.state !== 'running') return;
    if (kind === 'worker-killed') process.end('killed');
    else this.pause(process);
  }

  private pause(process: SimulatedProcess): void {
    process.pause();
    this.later(`${process.name} wakes`, () => this.wake(process), PAUSE_MS);
  }

  private workers(): readonly SimulatedProcess[] {
    return this.running().filter(({ role }) => role !== 'api');
  }

  private running(): readonly SimulatedProcess[] {
    return this.world.processes.filter(({ state }) => state === 'running');
  }

  private later(what: string, call: () => void, mostMs: number): void {
    this.world.pool.after(this.random.between(500, mostMs), { owner: null, what }, call);
  }
}

/** Of two machines the first has the first worker and the first api; the second has all others. */
function isOnFirst(name: string): boolean {
  return name.split('.')[0]!.endsWith('-1');
}

function isDrift(kind: Sudden): kind is Drift {
  return (DRIFTS as readonly string[]).includes(kind);
}
