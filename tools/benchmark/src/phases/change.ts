import type { Bench, Compared, Sample } from '../bench.js';

/** A burst that a customer can well send, and that the trash behind it takes a while for. */
const burst = 1_000;
const quickBurst = 50;

export async function measureResize(bench: Bench): Promise<Compared> {
  // Twice as many volumes as clients: no two requests meet at one volume.
  const ids = await bench.volumes(2 * bench.settings.clients);
  let fromGib = 1;
  return bench.compare({
    bare: () => bench.askCeph('grow'),
    product: () =>
      bench.sample(
        async () => {
          const measured = await bench.ask({ kind: 'resize', ids, fromGib }, bench.effort());
          fromGib += Math.ceil(measured.done / ids.length) + 1;
          return measured;
        },
        { untilIdle: true },
      ),
  });
}

export interface DeleteResult {
  /** Gone for the customer. */
  readonly gone: readonly Sample[];
  /** In Ceph's trash, which comes behind. */
  readonly trashed: Compared;
}

export async function measureDelete(bench: Bench): Promise<DeleteResult> {
  const { quick, clients, countMax, rounds } = bench.settings;
  const count = Math.min(quick ? quickBurst : burst, countMax);
  await bench.volumes(count * rounds);
  const gone: Sample[] = [];
  const trashed = await bench.compare({
    bare: () => bench.askCeph('trash', { countMax: count }),
    product: async () => {
      const ids = await bench.takeVolumes(count);
      const began = performance.now();
      const sample = await bench.sample(
        () => bench.ask({ kind: 'delete', ids }, { inFlight: clients, countMax: count, msMax: Infinity }),
        { untilIdle: true },
      );
      gone.push(sample);
      return { ...sample, perSecond: (sample.done * 1_000) / (performance.now() - began) };
    },
  });
  return { gone, trashed };
}
