import { Refusal } from '@plumbline/domain';
import type { Operator } from '@plumbline/engine';
import type { Log } from '@plumbline/platform';
import type { Halts } from '@plumbline/registry';
import type { z } from 'zod';
import type { haltShape } from './shapes.js';

type Shown = z.infer<typeof haltShape>;

/** Where operators see that the registry was set back, and say that it is the right one all the same. */
export class HaltDesk {
  constructor(private readonly by: { halts: Halts; log: Log }) {}

  async show(): Promise<Shown> {
    const { tick, halt } = await this.by.halts.read();
    if (halt === null) return { halted: false, registryTick: tick };
    const { since, by, why, tick: tickThen, witnesses } = halt;
    return { halted: true, registryTick: tick, since, by, why, tickThen, witnesses: { ...witnesses } };
  }

  /** @throws Refusal `conflict` when there is no halt, or nothing has been told yet of how far the registry was set back */
  async confirm(operator: Operator): Promise<Shown> {
    const { halts, log } = this.by;
    const { halt } = await halts.read();
    if (halt === null) throw new Refusal('conflict', 'There is no halt.');
    if (Object.keys(halt.witnesses).length === 0)
      throw new Refusal(
        'conflict',
        'No witness has been asked yet: start a ceph-worker that reaches Ceph, wait until GET /ops/v1/halt shows what it remembers, and confirm then.',
      );
    const tick = await halts.confirm();
    if (tick === null) throw new Refusal('conflict', 'The halt has changed just now; look at it again.');
    log.warn({ halt, tick, ...operator }, 'operator confirmed the registry');
    return await this.show();
  }
}
