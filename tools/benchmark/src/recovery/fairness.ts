/** One account beside another: what it waits for while the other has a little under way, and while it has thousands. */
import type { Bench } from '../bench.js';
import { median } from '../measure/figures.js';
import type { Customer } from '../target.js';
import { timeOne } from './requests.js';

const recordingClients = 64;
const usualClients = 32;
const asks = 15;
const quickAsks = 3;
const oneMaxMs = 60_000;
/** Enough of the large account's work for the time that the others are looked at. */
const floodSeconds = 30;
const floodPerSecond = 300;
const quickFlood = 300;

export interface Fairness {
  /** One create of an account that has nothing else under way: the middle of several, and the first. */
  readonly idleMs: number;
  /** Beside another account's usual load of 32 clients. */
  readonly besideLoadMs: number;
  /** Beside another account's thousands that wait. */
  readonly besideFloodMs: number;
  readonly firstBesideFloodMs: number;
  /** The large account's part of all that is carried out while another keeps 32 clients busy. */
  readonly largeShare: number;
  readonly waiting: number;
}

export async function measureFairness(bench: Bench): Promise<Fairness> {
  const { target, settings } = bench;
  const [small, large, third] = [
    await target.newCustomer(),
    await target.newCustomer(),
    await target.newCustomer(),
  ];
  const count = settings.quick ? quickAsks : asks;
  const several = async () => {
    const times: number[] = [];
    for (let ask = 0; ask < count; ask++) times.push(await timeOne(target, small.token, oneMaxMs));
    return times;
  };
  await target.idle();
  const idle = await several();
  const beside = await besideLoad(bench, large, several);
  await target.idle();

  const flood = settings.quick ? quickFlood : Math.min(settings.intents, floodSeconds * floodPerSecond);
  const effort = { inFlight: recordingClients, countMax: flood, msMax: Infinity };
  await bench.ask(bench.creation(true), effort, large);
  const waiting = await target.laneCount();
  const flooded = await several();
  const largeShare = await shareOf(bench, { large, third });
  await target.idle();
  return {
    idleMs: median(idle),
    besideLoadMs: median(beside),
    besideFloodMs: median(flooded),
    firstBesideFloodMs: flooded[0] ?? oneMaxMs,
    largeShare,
    waiting,
  };
}

/** Measures while another account keeps its usual number of clients busy. */
async function besideLoad<T>(bench: Bench, large: Customer, measure: () => Promise<T>): Promise<T> {
  let isOver = false;
  const load = (async () => {
    while (!isOver) {
      // While the last of them end there are fewer than that: long runs make that a small part.
      const effort = { inFlight: usualClients, countMax: 16 * usualClients, msMax: Infinity };
      await bench.ask(bench.creation(), effort, large);
    }
  })();
  try {
    return await measure();
  } finally {
    isOver = true;
    await load;
  }
}

async function shareOf(
  bench: Bench,
  { large, third }: { large: Customer; third: Customer },
): Promise<number> {
  const { target, settings } = bench;
  const msMax = settings.quick ? 1_000 : 5_000;
  const doneOf = async ({ id }: Customer) =>
    (await target.registryTree<{ status: string }>(`actions/${id}/`)).filter(
      ({ status }) => status === 'completed',
    ).length;
  const before = await doneOf(large);
  const effort = { inFlight: usualClients, countMax: settings.countMax, msMax };
  const { done } = await bench.ask(bench.creation(), effort, third);
  const byLarge = (await doneOf(large)) - before;
  return byLarge / Math.max(1, byLarge + done);
}
