import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { StackError } from './errors.js';
import { defaultData } from './paths.js';

export interface Arguments {
  command: string;
  data: string;
  /** True when nobody named the data folder. */
  dataIsDefault: boolean;
  ephemeral: boolean;
  parts: boolean;
  purge: boolean;
  json: boolean;
  follow: boolean;
  demo: boolean;
  words: string[];
}

const options = {
  data: { type: 'string' },
  ephemeral: { type: 'boolean', default: false },
  parts: { type: 'boolean', default: false },
  'no-demo': { type: 'boolean', default: false },
  purge: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  follow: { type: 'boolean', default: false },
} as const;

/** Which options each command takes besides `--data`. */
const taken: Readonly<Record<string, readonly string[]>> = {
  up: ['ephemeral', 'parts', 'no-demo'],
  down: ['ephemeral', 'purge'],
  status: ['ephemeral', 'json'],
  logs: ['ephemeral', 'follow'],
  scale: ['ephemeral'],
  env: ['ephemeral'],
};

const wordsMax: Readonly<Record<string, number>> = { logs: 1, scale: 8 };

/** Reads the command line. `from` is the folder that relative paths start from. */
export function readArguments(
  argv: readonly string[],
  environmentData: string | undefined,
  from: string,
): Arguments {
  const [command = '', ...rest] = argv;
  const allowed = taken[command];
  if (!allowed)
    throw new StackError(`there is no command "${command}"; there are ${Object.keys(taken).join(', ')}`);
  const { values, positionals } = parse(command, rest);
  const strange = Object.entries(values).find(
    ([name, value]) => value && name !== 'data' && !allowed.includes(name),
  );
  if (strange)
    throw new StackError(`tools/${command} has no option --${strange[0]}; see tools/${command} --help`);
  if (positionals.length > (wordsMax[command] ?? 0)) {
    throw new StackError(
      `tools/${command} does not take "${positionals.at(-1)}"; see tools/${command} --help`,
    );
  }
  const data = values.data ?? environmentData;
  return {
    command,
    data: data ? resolve(from, data) : defaultData(values.ephemeral),
    dataIsDefault: !data,
    ephemeral: values.ephemeral,
    parts: values.parts,
    purge: values.purge,
    json: values.json,
    follow: values.follow,
    demo: !values['no-demo'],
    words: positionals,
  };
}

function parse(command: string, args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (cause) {
    throw new StackError(`${(cause as Error).message.split('. ')[0]}; see tools/${command} --help`, {
      cause,
    });
  }
}
