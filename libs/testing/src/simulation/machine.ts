import type { VmId } from '@plumbline/domain';
import { HeldError, TransientError } from '@plumbline/domain';
import { never } from './consul-link.js';
import type { CallFault } from './faults.js';
import type { SimulatedProcess } from './process.js';
import type { SeededRandom } from './random.js';
import type { World } from './world.js';

const GREETING_MS = 3_000;
const HELD_MS = 2_000;
const DEADLINE_MS = 10_000;
const LATE_MS = 25_000;
/** Of what a process had sent when it died, how much QEMU still reads. */
const ARRIVES_SHARE = 0.5;
/** Guests mostly let go of a disk at once, some only after a while. */
const SLOW_UNPLUG_SHARE = 0.1;
const SLOW_UNPLUG_MS = 15_000;

export interface StoredNode {
  readonly pool: string;
  readonly image: string;
  readonly sizeBytes: number;
  /** Of the RADOS client that this node is. */
  readonly address: string;
}

export interface StoredDevice {
  readonly node: string;
  readonly state: 'plugged' | 'leaving';
}

/**
 * A VM: what its QEMU has, and a monitor that greets one client until that client's process ends, and carries out one
 * command after the other. What a client has sent is carried out although it died, but never after another was greeted.
 */
export class Machine {
  readonly nodes = new Map<string, StoredNode>();
  readonly devices = new Map<string, StoredDevice>();
  /** Volumes whose disks have changed since the invariants looked last. */
  readonly touched = new Set<string>();
  /** How often it was started: what it had before is gone. */
  lives = 1;
  /** While it waits, each guest holds on to its disks. */
  holdsDisks = false;
  private state: 'running' | 'paused' = 'running';
  private client: SimulatedProcess | null = null;
  private line: Promise<unknown> = Promise.resolve();
  private awake: (() => void)[] = [];
  private nodesMade = 0;

  constructor(
    private readonly world: World,
    readonly id: VmId,
    private readonly random: SeededRandom,
  ) {}

  get isRunning(): boolean {
    return this.state === 'running';
  }

  pause(): void {
    if (this.state === 'running') this.state = 'paused';
  }

  resume(): void {
    if (this.state !== 'paused') return;
    this.state = 'running';
    for (const wake of this.awake.splice(0)) wake();
  }

  async untilAwake(): Promise<void> {
    while (!this.isRunning) await new Promise<void>((resolve) => this.awake.push(resolve));
  }

  /** As `kill -9` of QEMU, and a start anew soon after: whatever was plugged in is gone, and its clients are dead. */
  restart(): void {
    const { causes, ceph, guests, pool } = this.world;
    for (const [name, { pool: poolName, image, address }] of this.nodes) {
      const key = `${poolName}/${image}`;
      const others = (ceph.watchers.get(key) ?? []).filter((watcher) => watcher.address !== address);
      ceph.watchers.set(key, [...others, { address, diedAtMs: pool.nowMs }]);
      this.touched.add(name);
      if (this.devices.has(name)) guests.died(address);
    }
    for (const name of this.devices.keys()) this.touched.add(name);
    for (const name of [...this.nodes.keys(), ...this.devices.keys()])
      causes.add(this.world.volumeOf(`${this.id}/${name}`), 'qemu');
    this.nodes.clear();
    this.devices.clear();
    this.lives += 1;
    this.client = null;
    this.line = Promise.resolve();
    this.resume();
  }

  /** One command of that process. It waits for those before it, and for QEMU to wake. */
  async command<T>(by: {
    process: SimulatedProcess;
    key: string;
    what: string;
    attempt: number;
    fault: CallFault | null;
    changes: boolean;
    serve: () => T | Promise<T>;
  }): Promise<T> {
    const { world } = this;
    const { pool } = world;
    const { process, key, what, fault } = by;
    const mine = { owner: process, what: `${what} ends`, about: key };
    if (process.state === 'dead') return never();
    await this.greet(process, key);
    const life = this.lives;
    const turn = this.line.then(async () => {
      const late = fault === 'call-late' ? process.random.between(DEADLINE_MS, LATE_MS) : process.latencyMs();
      await pool.wait(late, { owner: null, what: `${process.name}: ${what}`, about: key });
      await this.untilAwake();
      // Of a client that is gone nothing is read any more once another was greeted.
      const isRead =
        process.state !== 'dead' || (this.client === process && process.random.chance(ARRIVES_SHARE));
      if (this.lives !== life || !isRead) throw lost();
      if (process.state !== 'running')
        world.faults.see(process.state === 'dead' ? 'applied-after-death' : 'applied-while-paused');
      world.operated({ by: process, attempt: by.attempt, source: 'qemu', key, changes: by.changes });
      return await by.serve();
    });
    this.line = turn.then(ignore, ignore);
    try {
      return await turn;
    } finally {
      const isLost = fault === 'call-reply-lost';
      await pool.wait(isLost ? process.random.between(DEADLINE_MS, LATE_MS) : process.latencyMs(), mine);
    }
  }

  newAddress(): string {
    return `10.1.${this.id}.${this.lives}:0/${(this.nodesMade += 1)}`;
  }

  /** QEMU answers at once; the disk is gone when its guest has let go of it. */
  beginUnplugging(name: string): void {
    const device = this.devices.get(name);
    if (device === undefined || device.state === 'leaving') return;
    this.devices.set(name, { ...device, state: 'leaving' });
    this.untilLetGo(name, this.lives);
  }

  private untilLetGo(name: string, life: number): void {
    const delayMs = this.random.chance(SLOW_UNPLUG_SHARE)
      ? this.random.between(1, SLOW_UNPLUG_MS)
      : this.random.between(1, 20);
    this.world.pool.after(delayMs, { owner: null, what: `vm-${this.id} lets go of ${name}` }, () => {
      if (this.lives !== life) return;
      if (this.holdsDisks || !this.isRunning) return this.untilLetGo(name, life);
      this.devices.delete(name);
      this.touched.add(name);
    });
  }

  private async greet(process: SimulatedProcess, key: string): Promise<void> {
    while (this.client !== process) {
      const { client } = this;
      const isHeld = client !== null && client.state !== 'dead';
      if (isHeld || !this.isRunning) {
        if (isHeld) this.world.faults.see('monitor-held');
        await this.world.pool.wait(GREETING_MS, { owner: process, what: 'is not greeted', about: key });
        throw new HeldError('the monitor does not greet', {
          reason: 'vm-unreachable',
          retryAfterMs: HELD_MS,
        });
      }
      await this.line;
      if (this.client === client) this.client = process;
    }
  }
}

function lost(): TransientError {
  return new TransientError('the connection to the monitor broke', { reason: 'vm-unreachable' });
}

function ignore(): void {}
