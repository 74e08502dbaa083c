import type { Doorbell } from './doorbell.js';
import { FAULT_KINDS } from './faults.js';
import type { CallFault, ConsulFault, FaultKind } from './faults.js';
import { SimulatedProcess } from './process.js';
import type { World } from './world.js';

const PAUSE_MS = 20_000;
const AWAY_MS = 6_000;
const OVERLAP_MS = 15_000;
const CUT_MS = 15_000;
const RESTART_MS = 3_000;
/** A death and a long sleep have the most ways to go wrong. */
const OFTEN: readonly FaultKind[] = [...FAULT_KINDS, 'worker-killed', 'worker-killed', 'worker-paused'];
/** Of what befalls workers, how much befalls them at work. */
const AT_WORK_SHARE = 0.8;
const SKEW_MS = 40 * 86_400_000;

/** Who lets things happen to the system, and starts again what has ended, as whoever looks after processes does. */
export class Nemesis {
  inflicted = 0;
  private lives = 0;
  private calm = false;
  /** Processes whose successors have begun. */
  private readonly overlapping: SimulatedProcess[] = [];

  constructor(
    private readonly world: World,
    private readonly bell: Doorbell,
  ) {}

  async start(role: SimulatedProcess['role'], slot: string): Promise<SimulatedProcess> {
    return SimulatedProcess.begin(this.world, this.bell, role, `${slot}.${(this.lives += 1)}`);
  }

  /** Spreads so many faults over that time. */
  begin(faults: number, withinMs: number): void {
    const { pool, random } = this.world;
    const label = { owner: null, what: 'fault' };
    for (let at = 0; at < faults; at += 1)
      pool.after(random.between(200, withinMs), label, () => this.inflict(random.pick(OFTEN)));
    this.watch();
  }

  /** Faults stop, and everything is as it should be but for what they have left behind. */
  heal(): void {
    const { world } = this;
    this.calm = true;
    world.faults.stop();
    world.consulAway = false;
    world.bellAway = false;
    for (const process of this.overlapping) process.end('its successor is there');
    for (const process of world.processes) {
      process.cut = false;
      process.skewMs = 0;
      this.wake(process);
    }
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
    for (const [slot, process] of slots)
      if (process.state === 'dead' && world.random.chance(0.5)) void this.start(process.role, slot);
    world.pool.after(RESTART_MS, { owner: null, what: 'whoever ended is started' }, () => this.watch());
  }

  private inflict(kind: FaultKind): void {
    if (this.calm) return;
    const { world } = this;
    this.inflicted += 1;
    world.pool.note('nemesis', kind);
    if (kind.startsWith('consul-') && kind !== 'consul-refused')
      return world.faults.armConsul(kind as ConsulFault);
    if (kind.startsWith('call-')) return world.faults.armCall(kind as CallFault);
    if (kind === 'ring-doubled' || kind === 'ring-late') return world.faults.armRing(kind);
    if (this.befalls(kind)) world.faults.see(kind);
  }

  /** False: it has not befallen anybody yet. */
  private befalls(kind: FaultKind): boolean {
    const { world } = this;
    const { random } = world;
    switch (kind) {
      case 'api-killed': {
        const apis = world.alive('api');
        if (apis.length > 0) random.pick(apis).end('killed');
        return apis.length > 0;
      }
      case 'all-killed':
        for (const process of world.processes) process.end('killed');
        return true;
      case 'consul-refused':
        world.consulAway = true;
        this.later('Consul is back', () => (world.consulAway = false), AWAY_MS);
        return true;
      case 'bell-away':
        world.bellAway = true;
        this.later('Redis is back', () => (world.bellAway = false), AWAY_MS);
        return true;
      case 'queue-flushed':
        this.bell.flush();
        return true;
      default:
        return this.befallsWorker(kind);
    }
  }

  /** Mostly in the middle of its work, whichever is at work next. */
  private befallsWorker(kind: FaultKind): boolean {
    const { world } = this;
    const workers = [...world.alive('ceph'), ...world.alive('qemu')];
    if (world.random.chance(AT_WORK_SHARE)) {
      world.faults.armStrike((process) => {
        if (process.state === 'running' && this.strike(kind, process)) world.faults.see(kind);
      });
      return false;
    }
    return workers.length > 0 && this.strike(kind, world.random.pick(workers));
  }

  private strike(kind: FaultKind, process: SimulatedProcess): boolean {
    switch (kind) {
      case 'worker-killed':
        process.end('killed');
        return true;
      case 'worker-paused':
        process.pause();
        this.world.pool.note(process.name, 'is paused');
        this.later(`${process.name} wakes`, () => this.wake(process), PAUSE_MS);
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
        process.cut = true;
        this.later(`${process.name} is connected again`, () => (process.cut = false), CUT_MS);
        return true;
      case 'clock-jumped':
        process.skewMs = this.world.random.pick([-SKEW_MS, SKEW_MS, -3_600_000, 3_600_000, -8_000, 8_000]);
        this.later(`the clock of ${process.name} is set right`, () => (process.skewMs = 0), AWAY_MS);
        return true;
      default:
        return false;
    }
  }

  private later(what: string, call: () => void, mostMs: number): void {
    const { pool, random } = this.world;
    pool.after(random.between(500, mostMs), { owner: null, what }, call);
  }
}
