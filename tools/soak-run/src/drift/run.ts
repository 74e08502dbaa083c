import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Progress } from '@plumbline/stack';
import { StackError } from '@plumbline/stack';
import { Chance } from '../chance.js';
import { imagesGone, imagesRemoved } from './accidents.js';
import { DriftWorld } from './drift-world.js';
import { loaded } from './loaded.js';
import { plantedAtRandom } from './planted.js';
import { leaderKilled, leaderPaused, repairFails, vmRestarted } from './repairs.js';
import { registryRewound } from './rewound.js';

/** Every case ends with a system that agrees, and leaves it to the next one. */
const CASES: Readonly<Record<string, (world: DriftWorld) => Promise<string>>> = {
  'planted-at-random': plantedAtRandom,
  loaded,
  'vm-restarted': vmRestarted,
  'leader-killed': leaderKilled,
  'leader-paused': leaderPaused,
  'repair-fails': repairFails,
  'images-gone': imagesGone,
  'images-removed': imagesRemoved,
  'registry-rewound': registryRewound,
};

export interface DriftSettings {
  readonly seed: number;
  readonly population: number;
  /** Names, or `all`. */
  readonly cases: readonly string[];
  readonly json: string | undefined;
  readonly keep: boolean;
}

interface Outcome {
  readonly name: string;
  readonly ok: boolean;
  readonly seconds: number;
  /** What it came to, or why it is not as it must be. */
  readonly what: string;
}

/** @returns whether every case is as it must be. The first that is not ends the run: nothing after it could be told. */
export async function runDrift(
  settings: DriftSettings,
  by: { progress: Progress; folder: string; interrupted: AbortSignal },
): Promise<boolean> {
  const { folder, interrupted, progress } = by;
  const { keep, population, seed } = settings;
  const names = wantedOf(settings);
  const world = await DriftWorld.start({ chance: new Chance(seed), progress });
  const began = performance.now();
  const outcomes: Outcome[] = [];
  try {
    await Promise.race([
      cases(world, { names, population, tell: (one) => outcomes.push(told(one, progress)) }),
      endOf(interrupted),
    ]);
  } finally {
    mkdirSync(folder, { recursive: true });
    cpSync(world.system.stack.stack.layout.logs, join(folder, 'logs'), { recursive: true });
    if (!keep) await world.system.stack.purge();
  }
  const good = outcomes.every(({ ok }) => ok);
  const seconds = Math.round((performance.now() - began) / 1_000);
  if (settings.json !== undefined)
    writeFileSync(settings.json, `${JSON.stringify({ seed, population, good, outcomes }, null, 2)}\n`);
  const cause = outcomes.find(({ ok }) => !ok);
  const end = good
    ? `${outcomes.length} cases as they must be`
    : `VIOLATED in ${cause?.name}, after ${outcomes.length - 1} cases as they must be`;
  const again = `./tools/soak --drift --seed ${seed} --population ${population} --cases ${names.join(',')}`;
  progress.line(`drift: ${end} (${population} volumes, ${seconds} s). Logs: ${folder}. Again: ${again}`);
  return good;
}

function wantedOf({ cases: wanted }: DriftSettings): readonly string[] {
  if (wanted.includes('all')) return Object.keys(CASES);
  const unknown = wanted.find((name) => !(name in CASES));
  if (unknown === undefined) return wanted;
  throw new StackError(`no case is called "${unknown}"; there are: ${Object.keys(CASES).join(', ')}`);
}

async function cases(
  world: DriftWorld,
  by: { names: readonly string[]; population: number; tell: (outcome: Outcome) => void },
): Promise<void> {
  const all: readonly (readonly [string, (world: DriftWorld) => Promise<string>])[] = [
    ['population', (of) => peopled(of, by.population)],
    ...by.names.map((name) => [name, CASES[name] ?? nothing] as const),
  ];
  for (const [name, work] of all) {
    const outcome = await outcomeOf(name, () => work(world));
    by.tell(outcome);
    if (!outcome.ok) return;
  }
}

async function peopled(world: DriftWorld, population: number): Promise<string> {
  await world.populate(population);
  await world.allAgrees();
  return `${population} volumes, and nothing differs`;
}

const nothing = () => Promise.resolve('');

async function outcomeOf(name: string, work: () => Promise<string>): Promise<Outcome> {
  const began = performance.now();
  const secondsSince = () => Math.round((performance.now() - began) / 100) / 10;
  try {
    const what = await work();
    return { name, ok: true, seconds: secondsSince(), what };
  } catch (error) {
    return { name, ok: false, seconds: secondsSince(), what: chainOf(error as Error) };
  }
}

function chainOf(error: Error): string {
  return error.cause instanceof Error ? `${error.message}: ${chainOf(error.cause)}` : error.message;
}

function told(outcome: Outcome, progress: Progress): Outcome {
  const { name, ok, seconds, what } = outcome;
  progress.line(
    `  ${name.padEnd(18)} ${seconds.toFixed(1).padStart(6)} s  ${ok ? 'ok    ' : 'FAILED'}  ${what}`,
  );
  return outcome;
}

function endOf(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason as Error);
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}
