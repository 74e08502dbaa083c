import { queueOf } from '@plumbline/domain';
import type { AccountId, Lane, QueueName, ResourceName } from '@plumbline/domain';
import type { Bell, RingOptions } from '@plumbline/engine';
import { queueOfLane } from '@plumbline/engine';
import { never } from './consul-link.js';
import type { SimulatedProcess } from './process.js';
import { SeededRandom } from './random.js';
import type { World } from './world.js';

const NOBODY_MS = 500;
const SWEEP_MS = 5_000;
/** After so long the queue finds that who had a job is dead. */
const STALLED_MS = 15_000;
const LATE_MS = 8_000;
/** Some jobs are given out once more, whatever has become of their lanes by then. */
const AGAIN_SHARE = 0.25;
const AGAIN_MS = 20_000;
/** Whoever rings has given up by then. */
const RING_MS = 250;
const DRAIN_GATHER_MS = 250;

/** The queues: who is rung, and when. Rings are lost, doubled, late and out of order, and all of them may be gone at once. */
export class Doorbell {
  /** Refuses, or does not answer. */
  state: 'there' | 'away' | 'hung' = 'there';
  private readonly waiting = new Set<() => void>();
  private readonly draining = new Set<QueueName>();
  private swept = new Map<string, number>();
  private readonly random: SeededRandom;

  constructor(private readonly world: World) {
    this.random = SeededRandom.of(world.seed, 'doorbell');
  }

  of(process: SimulatedProcess): Bell {
    return {
      ring: (queue, resource, options) => this.ring(process, queue, resource, options),
      wake: (resource, intent) => {
        if (this.state !== 'there') return;
        this.world.wake(intent);
        for (const scrubber of this.world.alive('scrub')) scrubber.hears(resource);
      },
      drain: (queue) => this.drain(queue),
    };
  }

  flush(): void {
    for (const cancel of this.waiting) cancel();
    this.waiting.clear();
    this.draining.clear();
  }

  /** Rings for whatever has stood still, as the scrubber does. */
  sweep(): void {
    const { world } = this;
    const seen = new Map<string, number>();
    for (const { value: lane, index } of world.values<Lane>(world.layout.lanes)) {
      seen.set(lane.resource, index);
      if (
        lane.entries[0]?.parked === null &&
        this.swept.get(lane.resource) === index &&
        this.state === 'there'
      )
        this.add(queueOfLane(lane, world.hosts), lane.resource, this.latencyMs());
    }
    this.swept = seen;
    if (world.register.owed.size > 0) this.drain(queueOf('billing'));
    world.pool.after(SWEEP_MS, { owner: null, what: 'sweep' }, () => this.sweep());
  }

  /** Many of these become one job. */
  drain(queue: QueueName): void {
    if (this.state !== 'there' || this.draining.has(queue)) return;
    this.draining.add(queue);
    this.world.pool.after(DRAIN_GATHER_MS, { owner: null, what: `job of ${queue}` }, () => {
      this.draining.delete(queue);
      const [process] = this.ready(queue);
      if (process !== undefined) void process.take(null);
    });
  }

  private async ring(
    process: SimulatedProcess,
    queue: QueueName,
    resource: ResourceName,
    { delayMs = 0, account }: RingOptions = {},
  ): Promise<boolean> {
    const { world } = this;
    if (process.state === 'dead') return never();
    const state = this.state;
    if (process.role === 'api' && !world.register.owners.has(resource.slice(-36)))
      world.mistake('R2', `${process.name} rings for what is not recorded`, resource);
    const mine = { owner: process, what: state === 'there' ? 'rang' : 'ring was lost', about: resource };
    if (state === 'hung') {
      await world.pool.wait(RING_MS, mine);
      return false;
    }
    await world.pool.wait(process.latencyMs(), {
      owner: null,
      what: `${process.name}: ring ${queue}`,
      about: resource,
    });
    if (state === 'there') {
      const fault = world.faults.ofRing();
      const lateMs = fault === 'ring-late' ? this.random.between(1, LATE_MS) : this.latencyMs();
      this.add(queue, resource, delayMs + lateMs, account);
      if (fault === 'ring-doubled') this.add(queue, resource, delayMs + this.latencyMs(), account);
      if (this.random.chance(AGAIN_SHARE))
        this.add(queue, resource, this.random.between(1, AGAIN_MS), account);
    }
    await world.pool.wait(process.latencyMs(), mine);
    return state === 'there';
  }

  private add(queue: QueueName, resource: ResourceName, delayMs: number, account?: AccountId): void {
    const { pool } = this.world;
    const label = { owner: null, what: `job of ${queue}`, about: resource };
    const cancel = pool.after(delayMs, label, () => {
      this.waiting.delete(cancel);
      this.give(queue, resource, account);
    });
    this.waiting.add(cancel);
  }

  private give(queue: QueueName, resource: ResourceName, account?: AccountId): void {
    const { world } = this;
    const ready = this.ready(queue);
    if (ready.length === 0) return this.add(queue, resource, NOBODY_MS, account);
    const process = this.random.pick(ready);
    world.pool.note(process.name, `takes job of ${queue}`, resource);
    let isOver = false;
    void process.take(resource, account).then((end) => {
      isOver = true;
      if (end !== null) this.add(queue, resource, end.throttledMs, account);
    });
    const label = { owner: null, what: 'is the job stalled', about: resource };
    world.pool.after(STALLED_MS, label, () => {
      if (!isOver && process.state !== 'running') this.add(queue, resource, 0, account);
    });
  }

  private ready(queue: QueueName): readonly SimulatedProcess[] {
    return this.world.processes.filter(
      (process) => process.queue === queue && process.state === 'running' && process.mayTake(),
    );
  }

  private latencyMs(): number {
    return this.random.chance(0.1) ? this.random.between(3, 60) : this.random.next() * 3;
  }
}
