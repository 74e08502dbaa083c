import { queueOf } from '@plumbline/domain';
import type { AccountId, Lane, QueueName, ResourceName } from '@plumbline/domain';
import type { Bell, RingOptions } from '@plumbline/engine';
import { queueOfLane } from '@plumbline/engine';
import { never } from './consul-link.js';
import type { SimulatedProcess } from './process.js';
import { HOST } from './world.js';
import type { World } from './world.js';

const NOBODY_MS = 500;
const SWEEP_MS = 5_000;
/** After so long the queue finds that who had a job is dead. */
const STALLED_MS = 15_000;
const LATE_MS = 8_000;

/** The queues: who is rung, and when. Rings are lost, doubled, late and out of order, and all of them may be gone at once. */
export class Doorbell {
  private readonly waiting = new Set<() => void>();
  private swept = new Map<string, number>();

  constructor(private readonly world: World) {}

  of(process: SimulatedProcess): Bell {
    return {
      ring: (queue, resource, options) => this.ring(process, queue, resource, options),
      wake: () => undefined,
      drain: () => undefined,
    };
  }

  get jobs(): number {
    return this.waiting.size;
  }

  flush(): void {
    for (const cancel of this.waiting) cancel();
    this.waiting.clear();
  }

  /** Rings for whatever has stood still, as the scrubber does. */
  sweep(): void {
    const { world } = this;
    const seen = new Map<string, number>();
    for (const { value: lane, index } of world.values<Lane>(world.layout.lanes)) {
      seen.set(lane.resource, index);
      if (lane.entries[0]?.parked === null && this.swept.get(lane.resource) === index && !world.bellAway)
        this.add(queueOfLane(lane, world.hosts), lane.resource, world.latencyMs());
    }
    this.swept = seen;
    world.pool.after(SWEEP_MS, { owner: null, what: 'sweep' }, () => this.sweep());
  }

  private async ring(
    process: SimulatedProcess,
    queue: QueueName,
    resource: ResourceName,
    { delayMs = 0, account }: RingOptions = {},
  ): Promise<boolean> {
    const { world } = this;
    if (process.state === 'dead') return never();
    await world.pool.wait(world.latencyMs(), {
      owner: null,
      what: `${process.name}: ring ${queue}`,
      about: resource,
    });
    const lost = world.bellAway;
    if (!lost) {
      const fault = world.faults.nextRing();
      const lateMs = fault === 'ring-late' ? world.random.between(1, LATE_MS) : world.latencyMs();
      this.add(queue, resource, delayMs + lateMs, account);
      if (fault === 'ring-doubled') this.add(queue, resource, delayMs + world.latencyMs(), account);
    }
    await world.pool.wait(world.latencyMs(), {
      owner: process,
      what: lost ? 'ring was lost' : 'rang',
      about: resource,
    });
    return !lost;
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
    const ready = world
      .alive(queue === queueOf('qemu', HOST) ? 'qemu' : 'ceph')
      .filter(({ ready: is }) => is);
    if (ready.length === 0) return this.add(queue, resource, NOBODY_MS, account);
    const process = world.random.pick(ready);
    world.pool.note(process.name, `takes job of ${queue}`, resource);
    void process.work(resource, account).then((end) => {
      if (end !== null) this.add(queue, resource, end.throttledMs, account);
    });
    const label = { owner: null, what: 'is the job stalled', about: resource };
    world.pool.after(STALLED_MS, label, () => {
      if (process.state === 'dead') this.add(queue, resource, 0, account);
    });
  }
}
