import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive, waitFor } from '@plumbline/stack';
import type { RunningStack } from '@plumbline/stack';

/** Less than the silence after which a boot is fenced. */
const NAP_MS = 3_000;
const EXIT_MS = 40_000;

/**
 * The workers that are struck, one of a kind at a time, and those that take over from them: a ceph-worker and a
 * billing-worker have a successor of another name, the host's one qemu-worker is started again.
 */
export class Crew {
  private turn: 1 | 2 = 1;
  private isDismissed = false;
  private readonly starting = new Set<Promise<void>>();

  constructor(private readonly stack: RunningStack) {}

  /** Those who do the work now. */
  get names(): readonly string[] {
    return [...this.scalable(this.turn), 'qemu-worker'];
  }

  /** At the beginning all are there, and the successors have to wait. */
  async muster(): Promise<void> {
    await Promise.all(this.scalable(2).map((name) => this.stack.halt(name)));
  }

  /** At once: a signal that waits comes too late. */
  signal(name: string, signal: NodeJS.Signals): void {
    const { pid } = this.stack.process(name);
    if (isAlive(this.stack.process(name))) process.kill(pid, signal);
  }

  async dead(names: readonly string[]): Promise<void> {
    await Promise.all(names.map((name) => this.stack.kill(name)));
  }

  nap(): Promise<void> {
    return sleep(NAP_MS);
  }

  /** The successors take over. @param withQemu false while the old qemu-worker still sits on the monitors */
  async relieve({ withQemu }: { withQemu: boolean }): Promise<void> {
    this.turn = this.turn === 1 ? 2 : 1;
    const names = [...this.scalable(this.turn), ...(withQemu ? ['qemu-worker'] : [])];
    await Promise.all(names.map((name) => this.begin(name)));
  }

  startQemu(): Promise<void> {
    return this.begin('qemu-worker');
  }

  /** Those that have not ended by themselves at the deadline; they are killed. */
  async lingering(names: readonly string[]): Promise<readonly string[]> {
    const left: string[] = [];
    for (const name of names) {
      const isGone = () => !isAlive(this.stack.process(name));
      const ended = await waitFor(isGone, { what: `the end of ${name}`, deadlineMs: EXIT_MS }).catch(
        () => false,
      );
      if (ended) continue;
      left.push(name);
      await this.stack.kill(name);
    }
    return left;
  }

  /** Nobody is started any more, and whoever is being started is there to be ended. */
  async dismiss(): Promise<void> {
    this.isDismissed = true;
    await Promise.allSettled(this.starting);
  }

  private async begin(name: string): Promise<void> {
    if (this.isDismissed) throw new Error(`${name} is not started any more`);
    const start = this.stack.begin(name.replace(/-\d+$/, ''), name);
    this.starting.add(start);
    await start.finally(() => this.starting.delete(start));
  }

  private scalable(turn: 1 | 2): readonly string[] {
    return [`ceph-worker-${turn}`, `billing-worker-${turn}`];
  }
}
