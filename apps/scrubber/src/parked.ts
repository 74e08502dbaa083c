import { PARK_REASONS } from '@plumbline/domain';
import type { Lane } from '@plumbline/domain';
import { Gauge } from '@plumbline/platform';
import type { Metrics } from '@plumbline/platform';

/** How many intents wait for a person, by reason, as the last sweep saw them. Every reason is always there. */
export class ParkedCount {
  private readonly gauge: Gauge<'reason'>;

  constructor(metrics: Metrics) {
    this.gauge = new Gauge({
      name: 'plumbline_parked_intents',
      help: 'Intents that wait for an operator.',
      labelNames: ['reason'],
      registers: [metrics],
    });
  }

  /** Only a head can be parked. */
  show(lanes: readonly Lane[]): void {
    const reasons = lanes.map(({ entries: [head] }) => head?.parked?.reason);
    for (const reason of PARK_REASONS)
      this.gauge.set({ reason }, reasons.filter((one) => one === reason).length);
  }
}
