import { setTimeout as sleep } from 'node:timers/promises';
import { judgeRest, type AtRest, type Finding, type HistoryLine } from '@plumbline/soak-checker';
import { consulKeys } from '@plumbline/stack';
import { now } from './clock.js';
import { readAll, RegistryDelta } from './outside/readings.js';
import { lookAtLanes } from './outside/under-way.js';
import type { System } from './system.js';

/** A1: how long after the last fault and the last request all sources may need to agree. */
const AGREE_MS = 60_000;
const AGAIN_MS = 500;
/** Looking at everything is work for the system too: so often only while there is a lane or something owed. */
const LOOK_AGAIN_MS = 2_000;

export interface Rested {
  readonly agreedMs: number;
  readonly findings: readonly Finding[];
}

/** The pause after a minute of trouble: waits until everything agrees, as it must, and writes down what the sources say. */
export class Rest {
  private readonly delta = new RegistryDelta();

  constructor(
    private readonly system: System,
    private readonly write: (line: HistoryLine) => void,
  ) {}

  async take(round: number): Promise<Rested> {
    const restedAt = now();
    const { findings, seen } = await this.agreement();
    const agreedMs = Math.round(now() - restedAt);
    const { registry, ...rest } = seen;
    this.write({ line: 'reading', round, restedAt, agreedMs, ...rest, registry: this.delta.since(registry) });
    return { agreedMs, findings };
  }

  /** The first agreement, or what is still wrong when the time is over. */
  private async agreement() {
    const end = performance.now() + AGREE_MS;
    for (;;) {
      await this.settled(end);
      const seen = await this.read(end);
      const wrong = judgeRest(seen, this.system.apps);
      if (wrong.length === 0 || performance.now() > end) return { findings: wrong, seen };
      await sleep(LOOK_AGAIN_MS);
    }
  }

  private async settled(end: number): Promise<void> {
    const consul = this.system.variable('CONSUL_HTTP_ADDR');
    const isBusy = async () =>
      !(await lookAtLanes(consul)).has('idle') || (await consulKeys(consul, 'plumbline/owed/')).length > 0;
    while (performance.now() < end && (await isBusy().catch(() => true))) await sleep(AGAIN_MS);
  }

  /** `rbd` ends with an error when an image goes away under it: then all is read once more. */
  private async read(end: number): Promise<AtRest> {
    for (;;) {
      try {
        return await readAll(this.system.stack.env);
      } catch (error) {
        if (performance.now() > end) throw error;
        await sleep(AGAIN_MS);
      }
    }
  }
}
