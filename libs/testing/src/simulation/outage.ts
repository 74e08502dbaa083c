import { Breaker, BusyError, HeldError, TransientError, UncertainError } from '@plumbline/domain';
import type { Step } from '@plumbline/domain';
import type { OutageView } from '@plumbline/engine';
import { parseDiskKey } from '@plumbline/qemu-facets';
import type { SimulatedProcess } from './process.js';
import type { World } from './world.js';

/** As production has them. */
const FAILURES_MAX = 5;
const OPEN_MS = 1_000;
const OPEN_MAX_MS = 5_000;
const TRIAL_MS = 20_000;
const PROBE_MS = 1_000;
const JOBS_MAX = 8;

/**
 * What a worker knows of how its source fares, by production's breaker. While Ceph is away it takes no jobs, asks again and
 * again, and goes on with one job, then more; of VMs only the lanes of one that is away are put off.
 */
export class Outage implements OutageView {
  private readonly whole: Breaker;
  private readonly parts = new Map<number, Breaker>();
  private isShut = false;
  private isSilent = false;
  /** At a time, while the source is coming back. */
  private jobsMax = JOBS_MAX;

  constructor(
    private readonly world: World,
    private readonly process: SimulatedProcess,
  ) {
    this.whole = this.breaker();
  }

  mayTake(jobs: number): boolean {
    return !this.isShut && jobs < this.jobsMax;
  }

  waitMs(step: Step): number {
    const { nowMs } = this.world.pool;
    const waitMs = this.partOf(step)?.waitMs(nowMs) ?? 0;
    if (waitMs > 0) this.world.faults.see('part-put-off');
    return waitMs;
  }

  isAway(step: Step): boolean {
    const part = this.partOf(step);
    return part === null ? this.isSilent : part.state !== 'closed';
  }

  report(step: Step, error: unknown): void {
    const { faults, pool } = this.world;
    const failed =
      (error instanceof TransientError && !(error instanceof BusyError)) || error instanceof UncertainError;
    const part = this.partOf(step);
    if (part === null) this.reportWhole(failed && !(error instanceof HeldError));
    else if (part.ended(failed, pool.nowMs)) faults.see(part.state === 'open' ? 'part-away' : 'part-back');
  }

  private reportWhole(failed: boolean): void {
    const { faults, pool } = this.world;
    const changed = this.whole.ended(failed, pool.nowMs);
    if (!failed) this.jobsMax = Math.min(JOBS_MAX, this.jobsMax + 1);
    if (!failed || !changed) return;
    faults.see('source-away');
    this.isShut = true;
    void this.probe();
  }

  private async probe(): Promise<void> {
    const { world, process } = this;
    const { pool, ceph, faults } = world;
    do {
      await process.waitFor(PROBE_MS * (0.5 + process.random.next()), 'asks whether its source is there');
      this.isSilent = ceph.silent !== null || world.refusing.has('ceph');
    } while (this.isSilent || this.whole.waitMs(pool.nowMs) > 0);
    faults.see('source-back');
    this.jobsMax = 1;
    this.isShut = false;
  }

  /** The VM that a step is about; null: the source stands and falls as a whole. */
  private partOf({ facet, key }: Step): Breaker | null {
    if (!facet.startsWith('qemu.')) return null;
    const { vm } = parseDiskKey(key);
    const part = this.parts.get(vm) ?? this.breaker();
    this.parts.set(vm, part);
    return part;
  }

  private breaker(): Breaker {
    const random = (): number => this.process.random.next();
    const [failuresMax, openMs, openMaxMs, trialMs] = [FAILURES_MAX, OPEN_MS, OPEN_MAX_MS, TRIAL_MS];
    return new Breaker({ failuresMax, openMs, openMaxMs, trialMs, random });
  }
}
