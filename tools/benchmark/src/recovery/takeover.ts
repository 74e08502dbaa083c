/** Workers killed in the middle of their work, and the time until others have what they held. */
import { setTimeout as sleep } from 'node:timers/promises';
import { StackError } from '@plumbline/stack';
import type { Bench } from '../bench.js';
import { percentile } from '../measure/figures.js';
import type { Customer } from '../target.js';

/** Killed at once; one more lives, and takes over. */
const victimsMax = 4;
const recordingClients = 32;
const creationsPerWorker = 60;
const lookEveryMs = 50;
const workMaxMs = 20_000;
const takenOverMaxMs = 60_000;
/** A worker that had nothing in hand when it was killed says nothing: it is killed again. */
const roundsPerKill = 3;

export interface Takeovers {
  readonly kills: number;
  readonly lanes: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly mostMs: number;
  /** Lanes that nobody took over in a minute. */
  readonly left: number;
}

interface HeldLane {
  readonly resource: string;
  readonly entries: readonly { readonly attempt: { readonly boot: string } | null }[];
}

export async function measureTakeovers(bench: Bench, customer: Customer): Promise<Takeovers> {
  const { target, settings } = bench;
  const victims = Math.min(victimsMax, settings.kills);
  await target.stack.scale('ceph-worker', victims + 1);
  const times: number[] = [];
  let [lanes, left] = [0, 0];
  for (let round = 0; times.length < settings.kills; round++) {
    if (round > roundsPerKill * settings.kills)
      throw new StackError('the workers were never killed in the middle of their work');
    const killed = await killAtWork(bench, customer, victims);
    times.push(...killed.times);
    lanes += killed.lanes;
    left += killed.left;
    await target.restore();
    await target.idle();
  }
  await target.stack.scale('ceph-worker', 1);
  const sorted = Float64Array.from(times).toSorted();
  return {
    kills: times.length,
    lanes,
    left,
    p50Ms: percentile(sorted, 50),
    p99Ms: percentile(sorted, 99),
    mostMs: sorted.at(-1) ?? takenOverMaxMs,
  };
}

async function killAtWork(
  bench: Bench,
  customer: Customer,
  victims: number,
): Promise<{ times: number[]; lanes: number; left: number }> {
  const { target } = bench;
  const effort = { inFlight: recordingClients, countMax: creationsPerWorker * victims, msMax: Infinity };
  const recording = bench.ask(bench.creation(true), effort, customer);
  const names = target.appNames.filter((name) => name.startsWith('ceph-worker-')).slice(0, victims);
  const boots = await bootsOf(bench, names);
  const until = performance.now() + workMaxMs;
  while ((await heldBy(bench, boots)).size < victims && performance.now() < until) await sleep(lookEveryMs);
  await Promise.all(names.map((name) => target.stack.kill(name)));
  const killed = performance.now();
  const held = await heldBy(bench, boots);
  const lanes = [...held.values()].reduce((sum, count) => sum + count, 0);
  const times: number[] = [];
  const open = new Set(held.keys());
  while (open.size > 0 && performance.now() - killed < takenOverMaxMs) {
    await sleep(lookEveryMs);
    const still = await heldBy(bench, boots);
    for (const boot of open)
      if (!still.has(boot)) {
        open.delete(boot);
        times.push(performance.now() - killed);
      }
  }
  const rest = await heldBy(bench, [...open]);
  times.push(...[...open].map(() => takenOverMaxMs));
  await recording;
  return { times, lanes, left: [...rest.values()].reduce((sum, count) => sum + count, 0) };
}

async function bootsOf({ target }: Bench, names: readonly string[]): Promise<readonly string[]> {
  const all = await target.registryTree<{ boot: string; name: string; state: string }>('boots/');
  return all.filter(({ name, state }) => state === 'alive' && names.includes(name)).map(({ boot }) => boot);
}

/** How many lanes each of these boots has in hand. */
async function heldBy({ target }: Bench, boots: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const held = new Map<string, number>();
  for (const { entries } of await target.registryTree<HeldLane>('lanes/')) {
    const boot = entries[0]?.attempt?.boot;
    if (boot !== undefined && boots.includes(boot)) held.set(boot, (held.get(boot) ?? 0) + 1);
  }
  return held;
}
