import { setTimeout as sleep } from 'node:timers/promises';
import type { HistoryLine } from '@plumbline/soak-checker';
import { askQemu } from '@plumbline/stack';
import { disksOf } from '@plumbline/testing';
import { now } from '../clock.js';

const EVERY_MS = 700;
const ANSWER_MS = 2_000;

/** A monitor that is busy is not waited for: the next look comes soon. */
const impatient = {
  askQemu: <T>(monitor: string, command: string): Promise<T> =>
    askQemu(monitor, command, undefined, ANSWER_MS),
};

/**
 * Looks at the VMs' disks while all goes on, by their second monitors: one VM, then the other, then the first again, so
 * that a volume that is in both at once is seen so. A VM that does not answer is left out.
 */
export class Looks {
  private ended = false;
  private readonly loop: Promise<void>;

  constructor(
    private readonly vms: readonly { readonly n: number; readonly monitor: string }[],
    private readonly write: (line: HistoryLine) => void,
  ) {
    this.loop = this.watch();
  }

  async end(): Promise<void> {
    this.ended = true;
    await this.loop;
  }

  private async watch(): Promise<void> {
    while (!this.ended) {
      for (const vm of [...this.vms, ...this.vms.slice(0, 1)]) await this.look(vm);
      await sleep(EVERY_MS);
    }
  }

  private async look({ n, monitor }: { n: number; monitor: string }): Promise<void> {
    const from = now();
    const disks = await disksOf(n, monitor, impatient).catch(() => null);
    if (disks !== null) this.write({ line: 'look', vm: n, from, to: now(), disks: [...disks] });
  }
}
