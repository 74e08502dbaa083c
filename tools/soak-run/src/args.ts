import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { StackError } from '@plumbline/stack';

export interface Settings {
  readonly seed: number;
  readonly minutes: number;
  readonly rate: number;
  /** Names of kinds of faults, `all` or `none`. */
  readonly faults: readonly string[];
  readonly json: string | undefined;
  readonly keep: boolean;
  /** By hand instead of by faults: how large a population, and which cases. */
  readonly drift: { readonly population: number; readonly cases: readonly string[] } | null;
}

const MINUTES_MAX = 24 * 60;
const RATE_MAX = 1_000;
const POPULATION_MAX = 50_000;
const SEED_MAX = 2 ** 32 - 1;
const SEEDS_USUAL = 1_000_000;

const options = {
  seed: { type: 'string' },
  minutes: { type: 'string', default: '2' },
  rate: { type: 'string', default: '15' },
  faults: { type: 'string', default: 'all' },
  json: { type: 'string' },
  keep: { type: 'boolean', default: false },
  drift: { type: 'boolean', default: false },
  population: { type: 'string', default: '2000' },
  cases: { type: 'string', default: 'all' },
} as const;

/** Reads the command line. `from` is the folder that relative paths start from. */
export function readSettings(argv: readonly string[], from: string): Settings {
  const { drift, json, keep, ...given } = valuesOf(argv);
  const population = whole('population', given.population, POPULATION_MAX);
  return {
    seed: seedOf(given.seed),
    minutes: whole('minutes', given.minutes, MINUTES_MAX),
    rate: whole('rate', given.rate, RATE_MAX),
    faults: namesIn(given.faults),
    json: json === undefined ? undefined : resolve(from, json),
    keep,
    drift: drift ? { population, cases: namesIn(given.cases) } : null,
  };
}

function namesIn(list: string): readonly string[] {
  return list.split(',').map((name) => name.trim());
}

function valuesOf(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options }).values;
  } catch (error) {
    throw new StackError(`${(error as Error).message}; see tools/soak --help`, { cause: error });
  }
}

/** A commit has a seed of its own: a run of tests repeats what it found, and the next commit tries something else. */
function seedOf(given: string | undefined): number {
  if (given === undefined) return 1 + (Date.now() % SEEDS_USUAL);
  if (given !== 'commit') return whole('seed', given, SEED_MAX);
  const { status, stdout } = spawnSync('git', ['rev-parse', 'HEAD'], {
    cwd: import.meta.dirname,
    encoding: 'utf8',
  });
  if (status !== 0) throw new StackError('--seed commit needs a git checkout: give a number instead');
  return 1 + (Number.parseInt(stdout.slice(0, 8), 16) % SEEDS_USUAL);
}

function whole(name: string, text: string, most: number): number {
  const number = Number(text);
  if (!/^\d+$/.test(text) || number < 1 || number > most)
    throw new StackError(`--${name} takes a whole number from 1 to ${most}, not "${text}"`);
  return number;
}
