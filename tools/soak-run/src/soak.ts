import { setTimeout as sleep } from 'node:timers/promises';
import type { Finding } from '@plumbline/soak-checker';
import type { Progress } from '@plumbline/stack';
import type { Settings } from './args.js';
import { Chance } from './chance.js';
import { now } from './clock.js';
import type { HistoryFile } from './history-file.js';
import { Api } from './load/api.js';
import { Load } from './load/clients.js';
import type { FaultKind } from './nemesis/kinds.js';
import { Nemesis } from './nemesis/nemesis.js';
import { Looks } from './outside/looks.js';
import { UnderWay } from './outside/under-way.js';
import { Reached } from './reached.js';
import { Rest } from './rest.js';
import type { System } from './system.js';

const MINUTE_MS = 60_000;
/** In each minute nobody asks for anything for a while: faults must meet an idle system too. */
const LULLS = 3;
const LULL_MS = 4_000;
/** The first of them is at its beginning, when the system is at rest for certain. */
const REST_ON_MS = 8_000;

export interface Soaked {
  readonly rounds: readonly { readonly agreedMs: number }[];
  readonly requests: number;
  readonly faults: number;
  readonly failedFaults: readonly string[];
  readonly reached: Reached;
  /** Why it ended before its time. */
  readonly broken: readonly Finding[];
}

/** Minutes of load and trouble, each followed by rest, in which everything must agree. */
export async function soak(by: {
  settings: Settings;
  kinds: readonly FaultKind[];
  system: System;
  history: HistoryFile;
  progress: Progress;
  interrupted: AbortSignal;
}): Promise<Soaked> {
  const { history, interrupted, kinds, progress, settings, system } = by;
  const write = history.write.bind(history);
  const chance = new Chance(settings.seed);
  const reached = new Reached(kinds.map(({ name }) => name));
  const bases = chance.fork();
  const api = new Api(() => bases.pick(system.apis()) ?? '', write);
  const load = new Load({
    api,
    accounts: system.accounts,
    regions: ['nyc1', 'nyc3', 'lon1'],
    chance: chance.fork(),
    rate: settings.rate,
    prefix: `s${settings.seed}-`,
  });
  const underWay = new UnderWay(system.variable('CONSUL_HTTP_ADDR'), (phases) => nemesis.see(phases));
  const nemesis = new Nemesis(system.world, kinds, {
    chance: chance.fork(),
    reached,
    underWay: () => underWay.now,
    write,
  });
  const looks = new Looks(system.vms, write);
  const rest = new Rest(system, write);
  const interruption = aborted(interrupted);
  const rounds: Soaked['rounds'][number][] = [];
  let broken: readonly Finding[] = [];
  let how: 'done' | 'failed' = 'failed';
  try {
    for (let round = 1; round <= settings.minutes && broken.length === 0; round += 1) {
      await Promise.race([minuteOf(load, nemesis, chance, interrupted), interruption]);
      await load.quiet();
      const rested = await Promise.race([rest.take(round), interruption]);
      rounds.push(rested);
      broken = rested.findings;
      progress.line(lineOf({ round, rested, requests: api.sent, faults: nemesis.begun }));
    }
    how = 'done';
    return {
      rounds,
      requests: api.sent,
      faults: nemesis.begun,
      failedFaults: nemesis.failed,
      reached,
      broken,
    };
  } finally {
    await Promise.all([load.end(), looks.end(), underWay.end()]);
    write({ line: 'end', at: now(), how: interrupted.aborted ? 'interrupted' : how });
  }
}

async function minuteOf(
  load: Load,
  nemesis: Nemesis,
  chance: Chance,
  interrupted: AbortSignal,
): Promise<void> {
  // Held by its own timer: a composed signal of a time-out can be collected as garbage before it fires.
  const over = new AbortController();
  const end = () => over.abort();
  const timer = setTimeout(end, MINUTE_MS);
  interrupted.addEventListener('abort', end, { once: true });
  await Promise.all([nemesis.trouble(over.signal), lullsOf(load, chance, over.signal)]);
  interrupted.removeEventListener('abort', end);
  clearTimeout(timer);
}

async function lullsOf(load: Load, chance: Chance, until: AbortSignal): Promise<void> {
  const pause = (ms: number) => sleep(ms, undefined, { signal: until }).catch(() => undefined);
  const busyMs = (MINUTE_MS - REST_ON_MS - LULLS * LULL_MS) / LULLS;
  await pause(REST_ON_MS);
  while (!until.aborted) {
    load.go();
    await pause(busyMs * (0.7 + 0.6 * chance.next()));
    load.pause();
    await pause(LULL_MS);
  }
  load.pause();
}

/** Made once: who listens anew each minute listens ever more often. */
function aborted(signal: AbortSignal): Promise<never> {
  const never = new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
  never.catch(() => undefined);
  return never;
}

function lineOf(by: {
  round: number;
  rested: { agreedMs: number; findings: readonly Finding[] };
  requests: number;
  faults: number;
}): string {
  const { faults, requests, rested, round } = by;
  const seconds = (rested.agreedMs / 1_000).toFixed(1);
  const how =
    rested.findings.length === 0 ? `all agree after ${seconds} s` : `NO AGREEMENT after ${seconds} s`;
  return `  minute ${round}: ${requests} requests, ${faults} faults so far; ${how}`;
}
