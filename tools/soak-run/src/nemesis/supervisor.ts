import { setTimeout as sleep } from 'node:timers/promises';
import type { RunningStack } from '@plumbline/stack';

const LOOK_EVERY_MS = 200;
/** A part that cannot be started is tried again; one that never can ends the run. */
const FAILURES_MAX = 8;
/** Started as one: whoever starts a part of Ceph waits until all of it serves, and nobody else may be at it meanwhile. */
const TOGETHER: readonly string[] = ['ceph-mon', 'ceph-osd', 'ceph-mgr'];
/** An app is at work a few seconds after its start; nobody waits for that, because a part that it needs may be away. */
const YOUNG_MS = 8_000;

/**
 * What a machine's own supervisor does: whatever has ended is started again, unless a fault holds it down. Nothing else
 * starts processes, so that no name is started twice by mistake.
 */
export class Supervisor {
  private readonly held = new Set<string>();
  private readonly starting = new Map<string, Promise<void>>();
  private readonly failures = new Map<string, number>();
  private readonly restarts = new Map<string, number>();
  private readonly startedAt = new Map<string, number>();
  private ended = false;
  private readonly loop: Promise<void>;
  private broken: Error | null = null;

  constructor(
    private readonly stack: RunningStack,
    private readonly names: readonly string[],
  ) {
    this.loop = this.watch();
  }

  hold(name: string): void {
    this.held.add(name);
  }

  release(name: string): void {
    this.held.delete(name);
  }

  /** True until a start has ended: what is killed in it is not started again before. */
  isStarting(name: string): boolean {
    return this.starting.has(startOf(name));
  }

  /** True for a moment after each start: what befalls it then meets no work of its own. */
  isYoung(name: string): boolean {
    return performance.now() - (this.startedAt.get(name) ?? -Infinity) < YOUNG_MS;
  }

  /** How often each process was started again. */
  get started(): ReadonlyMap<string, number> {
    return this.restarts;
  }

  /** Until everything runs that is not held. @throws when something cannot be started */
  async allRun(): Promise<void> {
    const isDown = (name: string) =>
      this.isStarting(name) || (!this.held.has(name) && !this.stack.isAlive(name));
    while (!this.ended && this.names.some(isDown)) {
      if (this.broken !== null) throw this.broken;
      await sleep(LOOK_EVERY_MS);
    }
  }

  /** Until what is being started has started: nobody may be at it any more when the stack is ended. */
  async end(): Promise<void> {
    this.ended = true;
    await this.loop;
    await Promise.all(this.starting.values());
  }

  private async watch(): Promise<void> {
    while (!this.ended) {
      for (const name of this.names)
        if (!this.held.has(name) && !this.isStarting(name) && !this.stack.isAlive(name)) this.start(name);
      await sleep(LOOK_EVERY_MS);
    }
  }

  private start(name: string): void {
    this.restarts.set(name, (this.restarts.get(name) ?? 0) + 1);
    this.startedAt.set(name, performance.now());
    const start = this.stack.start(name).then(
      () => void this.failures.delete(name),
      (error: unknown) => this.failed(name, error),
    );
    this.starting.set(startOf(name), start);
    void start.finally(() => this.starting.delete(startOf(name)));
  }

  private failed(name: string, error: unknown): void {
    const count = (this.failures.get(name) ?? 0) + 1;
    this.failures.set(name, count);
    if (count > FAILURES_MAX) this.broken = new Error(`${name} cannot be started`, { cause: error });
  }
}

function startOf(name: string): string {
  return TOGETHER.includes(name) ? 'ceph' : name;
}
