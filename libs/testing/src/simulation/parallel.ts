import { setFlagsFromString } from 'node:v8';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import { Totals, summaryOf } from './totals.js';
import type { RunTotals, SeedSummary } from './totals.js';

const SHRINK_MS = 30_000;
/** A seed is garbage as soon as it has ended: a larger nursery makes collecting it cheaper. */
const YOUNG_MB = 96;

export interface RunSettings {
  readonly seeds: number;
  readonly from: number;
  /** No seed begins later than this. */
  readonly msMax: number;
  readonly threads: number;
  readonly onSeed?: (done: number) => void;
}

/** Runs seeds side by side until one fails, all are done or the time is up. */
export async function runSeeds(settings: RunSettings): Promise<RunTotals> {
  const { seeds, from, msMax, threads } = settings;
  const startedMs = performance.now();
  const totals = new Totals();
  let next = from;
  let done = 0;
  const another = (): number | null => {
    const isOver = totals.failed !== null || next >= from + seeds || performance.now() - startedMs >= msMax;
    return isOver ? null : next++;
  };
  const ended = (summary: SeedSummary): void => {
    totals.add(summary);
    settings.onSeed?.((done += 1));
  };
  const count = Math.min(threads, seeds);
  // With a seed on each core, threads that help one another collect garbage only get into each other's way.
  setFlagsFromString('--no-parallel-scavenge');
  await Promise.all(Array.from({ length: count }, () => inThread({ from, another, ended })));
  const seconds = (performance.now() - startedMs) / 1000;
  const { user, system } = process.cpuUsage();
  return await totals.end({ from, seconds, cpuSeconds: (user + system) / 1e6, shrinkMs: SHRINK_MS });
}

/** One thread, which is given one seed after the other. */
function inThread(by: {
  from: number;
  another: () => number | null;
  ended: (summary: SeedSummary) => void;
}): Promise<void> {
  const worker = new Worker(new URL(import.meta.url), {
    workerData: { from: by.from },
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
  });
  return new Promise((resolve, reject) => {
    const give = (): void => {
      const seed = by.another();
      if (seed === null) void worker.terminate().then(() => resolve(), reject);
      else worker.postMessage(seed);
    };
    worker.on('message', (summary: SeedSummary) => {
      by.ended(summary);
      give();
    });
    worker.on('error', reject);
    give();
  });
}

if (!isMainThread && parentPort !== null) {
  // Thousands of refusals a seed, of which nobody asks where they were made.
  Error.stackTraceLimit = 0;
  const port = parentPort;
  const { from } = workerData as { from: number };
  port.on(
    'message',
    (seed: number) => void summaryOf(seed, from).then((summary) => port.postMessage(summary)),
  );
}
