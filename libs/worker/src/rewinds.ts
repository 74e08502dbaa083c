import type { Witness } from '@plumbline/domain';
import { Gauge } from '@plumbline/platform';
import { RewindWatch, processTiming } from '@plumbline/registry';
import type { WatchRole } from '@plumbline/registry';
import type { Process } from './process.js';

/**
 * Watches from now on, by a witness, that the registry is not set back. Resolves after the first look, so that nothing is
 * begun before it.
 */
export async function watchRewinds(
  { registry, log, metrics, shutdown }: Process,
  { witness, role }: { witness: Witness; role: WatchRole },
): Promise<RewindWatch> {
  let isFailing = false;
  const watch = new RewindWatch({
    halts: registry.halts,
    witness,
    role,
    timing: processTiming,
    onRound: (err) => {
      if (err !== null && !isFailing)
        log.warn({ err, witness: witness.name }, 'witness cannot be asked: what depends on it waits');
      isFailing = err !== null;
    },
  });
  new Gauge({
    name: 'plumbline_witness_tick',
    help: 'The registry’s tick, as a witness remembers it.',
    labelNames: ['witness'],
    registers: [metrics],
    collect() {
      this.set({ witness: witness.name }, watch.remembered ?? 0);
    },
  });
  shutdown.atEnd('rewinds', () => watch.stop());
  await watch.start();
  return watch;
}
