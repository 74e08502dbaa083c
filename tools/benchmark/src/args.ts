import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { StackError } from '@plumbline/stack';

const usually = ['create', 'get', 'resize', 'delete', 'list'] as const;
/** What kills or restarts processes, and takes long, is measured only when it is asked for. */
const operations = [...usually, 'scrub', 'recovery', 'takeover'] as const;
export type OperationName = (typeof operations)[number];

export interface Settings {
  readonly operations: readonly OperationName[];
  readonly clients: number;
  /** A phase ends after so long, or after so many, whichever comes first. */
  readonly seconds: number;
  readonly countMax: number;
  readonly floorSeconds: number;
  /** How often each phase is repeated, with a floor before, between and after. */
  readonly rounds: number;
  /** Requests before anything is measured. */
  readonly warm: number;
  /** Volumes of the account whose list is read. */
  readonly listed: number;
  /** Intents recorded while no worker runs. */
  readonly intents: number;
  /** Workers killed in the middle of their work. */
  readonly kills: number;
  readonly quick: boolean;
  readonly check: boolean;
  readonly json: string | undefined;
  /** Folder of a stack that runs already. */
  readonly stack: string | undefined;
}

const options = {
  clients: { type: 'string' },
  seconds: { type: 'string' },
  count: { type: 'string' },
  rounds: { type: 'string' },
  warm: { type: 'string' },
  volumes: { type: 'string' },
  intents: { type: 'string' },
  kills: { type: 'string' },
  quick: { type: 'boolean', default: false },
  check: { type: 'boolean', default: false },
  json: { type: 'string' },
  stack: { type: 'string' },
} as const;

const usual = {
  clients: 32,
  seconds: 10,
  floorSeconds: 5,
  rounds: 1,
  warm: 5_000,
  listed: 10_000,
  ...{ intents: 10_000, kills: 200 },
};
const quickly = {
  clients: 8,
  seconds: 1,
  floorSeconds: 0.5,
  rounds: 1,
  warm: 50,
  listed: 200,
  ...{ intents: 300, kills: 4 },
};
/** What fits into a machine's memory, and into a benchmark that somebody waits for. */
const most = {
  clients: 512,
  seconds: 600,
  count: 200_000,
  rounds: 20,
  warm: 100_000,
  volumes: 60_000,
  ...{ intents: 50_000, kills: 1_000 },
};

/** Reads the command line. `from` is the folder that relative paths start from. */
export function readSettings(argv: readonly string[], from: string): Settings {
  const { values, positionals } = parse(argv);
  const strange = positionals.find((word) => !operations.some((name) => name === word));
  if (strange !== undefined)
    throw new StackError(
      `there is nothing to measure called "${strange}"; there are ${operations.join(', ')}`,
    );
  const base = values.quick ? quickly : usual;
  const number = (name: keyof typeof most, otherwise: number): number => {
    const text = values[name];
    if (text === undefined) return otherwise;
    const value = Number(text);
    const least = name === 'warm' ? 0 : 1;
    if (!/^\d+$/.test(text) || value < least || value > most[name])
      throw new StackError(`--${name} must be a whole number from ${least} to ${most[name]}`);
    return value;
  };
  const path = (text: string | undefined) => (text === undefined ? undefined : resolve(from, text));
  return {
    operations: operations.filter((name) =>
      positionals.length === 0 ? usually.some((usual) => usual === name) : positionals.includes(name),
    ),
    clients: number('clients', base.clients),
    seconds: number('seconds', base.seconds),
    countMax: number('count', most.count),
    floorSeconds: base.floorSeconds,
    rounds: number('rounds', base.rounds),
    warm: number('warm', base.warm),
    listed: number('volumes', base.listed),
    intents: number('intents', base.intents),
    kills: number('kills', base.kills),
    quick: values.quick,
    check: values.check,
    json: path(values.json),
    stack: path(values.stack),
  };
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options, allowPositionals: true, strict: true });
  } catch (cause) {
    throw new StackError(`${(cause as Error).message.split('. ')[0]}; see tools/bench --help`, { cause });
  }
}
