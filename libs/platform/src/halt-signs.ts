import { Gauge } from 'prom-client';
import type { Log } from './log.js';
import type { Metrics } from './metrics.js';

/** What is known of a halt, by whoever knows it. */
interface Halting {
  readonly known: object | null;
  readonly tick: number | null;
  onChange(listener: (halt: object | null) => void): void;
}

export const HALTED = 'the registry was set back; an operator has to confirm it: docs/operating/rewound.md';

/** Tells of a halt wherever somebody may look first: by an error in the log, with what to do, and by metrics. */
export function showHalts({ halts, log, metrics }: { halts: Halting; log: Log; metrics: Metrics }): void {
  halts.onChange((halt) => {
    if (halt === null) log.warn({ tick: halts.tick }, 'the halt was ended by an operator: going on');
    else log.error({ halt, see: 'GET /ops/v1/halt' }, `halted: ${HALTED}`);
  });
  const gauge = (name: string, help: string, read: () => number) => {
    new Gauge({
      name,
      help,
      registers: [metrics],
      collect() {
        this.set(read());
      },
    });
  };
  gauge('plumbline_halted', 'Whether nothing is written until an operator confirms the registry.', () =>
    halts.known === null ? 0 : 1,
  );
  gauge(
    'plumbline_registry_tick',
    'The registry’s tick, as last read; it rises every few seconds.',
    () => halts.tick ?? 0,
  );
}
