import { setTimeout as sleep } from 'node:timers/promises';
import { judgeRest, type AtRest, type Finding, type HistoryLine } from '@plumbline/soak-checker';
import { consulKeys } from '@plumbline/stack';
import { now } from './clock.js';
import type { Operator } from './operator.js';
import { readAll, RegistryDelta } from './outside/readings.js';
import { lookAtLanes } from './outside/under-way.js';
import type { System } from './system.js';

/** A1: how long after the last fault and the last request all sources may need to agree. */
const AGREE_MS = 60_000;
const AGAIN_MS = 500;
/** Looking at everything is work for the system too: so often only while there is a lane or something owed. */
const LOOK_AGAIN_MS = 2_000;
/** What an operator has to do once may lead to something else once more. */
const INTERVENTIONS_MAX = 3;

export interface Rested {
  readonly agreedMs: number;
  readonly findings: readonly Finding[];
  /** What an operator had to do, and why. */
  readonly interventions: readonly string[];
}

/** The pause after a minute of trouble: waits until everything agrees, as it must, and writes down what the sources say. */
export class Rest {
  private readonly delta = new RegistryDelta();

  constructor(
    private readonly system: System,
    private readonly operator: Operator,
    private readonly write: (line: HistoryLine) => void,
  ) {}

  async take(round: number): Promise<Rested> {
    const restedAt = now();
    const interventions: string[] = [];
    for (let times = 0; ; times += 1) {
      const began = now();
      const { findings, seen } = await this.agreement();
      const agreedMs = Math.round(now() - (times === 0 ? restedAt : began));
      const lost = findings.length > 0 ? [] : this.operator.lostDisks(seen);
      const vain = times < INTERVENTIONS_MAX ? await this.giveBack(lost, interventions) : [];
      if (lost.length > 0 && vain.length === 0 && times < INTERVENTIONS_MAX) continue;
      const { registry, ...rest } = seen;
      this.write({
        line: 'reading',
        round,
        restedAt,
        agreedMs,
        ...rest,
        registry: this.delta.since(registry),
      });
      this.system.world.emptiedVms.clear();
      return { agreedMs, findings: [...findings, ...vain], interventions };
    }
  }

  /** What an operator does; what he could not do is a finding. */
  private async giveBack(
    lost: ReturnType<Operator['lostDisks']>,
    interventions: string[],
  ): Promise<readonly Finding[]> {
    for (const each of lost) {
      try {
        await this.operator.giveBack(each);
        interventions.push(`gave ${each.volume} back to VM ${each.vm}, which was restarted`);
      } catch (error) {
        return [{ rule: 'A1', what: (error as Error).message, volume: each.volume }];
      }
    }
    return [];
  }

  /** The first agreement, or what is still wrong when the time is over. Disks that went with their VM are not waited for. */
  private async agreement() {
    const end = performance.now() + AGREE_MS;
    for (;;) {
      await this.settled(end);
      const seen = await this.read(end);
      const lost = new Set(this.operator.lostDisks(seen).map(({ volume }) => volume));
      const wrong = judgeRest(seen, this.system.apps).filter(
        ({ volume }) => volume === undefined || !lost.has(volume),
      );
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
