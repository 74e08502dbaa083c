import type { ResourceName } from '@plumbline/domain';
import type { World } from './world.js';

/** Before and after an intent of that resource: when what a look is taken for is most easily wrong. */
const NEAR_MS = 10_000;

export interface LookCounts {
  /** The scrubber's, at one thing each. */
  readonly looks: number;
  readonly looksNearLane: number;
  readonly looksDuringFault: number;
}

/** How often the scrubber has looked at something, and how often when that is hard. */
export class Looks {
  private count = 0;
  private near = 0;
  private during = 0;
  /** When there was last a lane. */
  private readonly endedMs = new Map<string, number>();
  /** Looks that are near to none yet: the next lane may be. */
  private readonly open = new Map<string, { atMs: number; count: number }[]>();

  constructor(private readonly world: World) {}

  get counts(): LookCounts {
    return { looks: this.count, looksNearLane: this.near, looksDuringFault: this.during };
  }

  /** What somebody works on is passed over: that is no look. */
  at(resource: ResourceName, count: number): void {
    const { world } = this;
    const { nowMs } = world.pool;
    if (world.register.lanes.has(resource)) return;
    this.count += count;
    if (isFaultStanding(world)) this.during += count;
    if (nowMs - (this.endedMs.get(resource) ?? Number.NEGATIVE_INFINITY) <= NEAR_MS) {
      this.near += count;
      return;
    }
    const waiting = this.open.get(resource) ?? [];
    waiting.push({ atMs: nowMs, count });
    this.open.set(resource, waiting);
  }

  laneBegan(resource: string): void {
    const { nowMs } = this.world.pool;
    for (const { atMs, count } of this.open.get(resource) ?? [])
      if (nowMs - atMs <= NEAR_MS) this.near += count;
    this.open.delete(resource);
  }

  laneEnded(resource: string): void {
    this.endedMs.set(resource, this.world.pool.nowMs);
  }
}

/** Something is not as it is on a good day: a process, a machine, or what they talk to. */
function isFaultStanding(world: World): boolean {
  const { billing, ceph, doorbell, machines, pool, processes, refusing, register } = world;
  return (
    world.consulAway ||
    world.consulFull ||
    world.consulBehindMs !== 0 ||
    world.hostBackMs > pool.nowMs ||
    ceph.silent !== null ||
    refusing.size > 0 ||
    billing.manners.down ||
    doorbell.state !== 'there' ||
    machines.some(({ holdsDisks, isRunning }) => holdsDisks || !isRunning) ||
    processes.some(
      ({ boot, cut, skewMs, state }) =>
        state === 'paused' || (state === 'running' ? cut !== null || skewMs !== 0 : register.boots.has(boot)),
    )
  );
}
