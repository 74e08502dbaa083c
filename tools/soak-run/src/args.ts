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
}

const MINUTES_MAX = 24 * 60;
const RATE_MAX = 1_000;
const SEED_MAX = 2 ** 32 - 1;

const options = {
  seed: { type: 'string' },
  minutes: { type: 'string', default: '2' },
  rate: { type: 'string', default: '15' },
  faults: { type: 'string', default: 'all' },
  json: { type: 'string' },
  keep: { type: 'boolean', default: false },
} as const;

/** Reads the command line. `from` is the folder that relative paths start from. */
export function readSettings(argv: readonly string[], from: string): Settings {
  const { json, keep, ...given } = valuesOf(argv);
  const seed = given.seed === undefined ? Date.now() % 1_000_000 : whole('seed', given.seed, SEED_MAX);
  return {
    seed,
    minutes: whole('minutes', given.minutes, MINUTES_MAX),
    rate: whole('rate', given.rate, RATE_MAX),
    faults: given.faults.split(',').map((name) => name.trim()),
    json: json === undefined ? undefined : resolve(from, json),
    keep,
  };
}

function valuesOf(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options }).values;
  } catch (error) {
    throw new StackError(`${(error as Error).message}; see tools/soak --help`, { cause: error });
  }
}

function whole(name: string, text: string, most: number): number {
  const number = Number(text);
  if (!/^\d+$/.test(text) || number < 1 || number > most)
    throw new StackError(`--${name} takes a whole number from 1 to ${most}, not "${text}"`);
  return number;
}
