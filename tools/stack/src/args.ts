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
  once: boolean;
  repair: boolean;
  watch: boolean;
  volume?: string | undefined;
  words: string[];
  /** For a part in a container: its address, and folders that it shares with other containers. */
  address?: string | undefined;
  sockets?: string | undefined;
  access?: string | undefined;
  /** Address of the API, where this command finds it by no stack. */
  api?: string | undefined;
}

const options = {
  data: { type: 'string' },
  ephemeral: { type: 'boolean', default: false },
  parts: { type: 'boolean', default: false },
  'no-demo': { type: 'boolean', default: false },
  purge: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  once: { type: 'boolean', default: false },
  repair: { type: 'boolean', default: false },
  watch: { type: 'boolean', default: false },
  volume: { type: 'string' },
  follow: { type: 'boolean', default: false },
  address: { type: 'string' },
  sockets: { type: 'string' },
  access: { type: 'string' },
  api: { type: 'string' },
} as const;

/** Which options each command takes besides `--data`. */
const taken: Readonly<Record<string, readonly string[]>> = {
  up: ['ephemeral', 'parts', 'no-demo'],
  down: ['ephemeral', 'purge'],
  status: ['ephemeral', 'json'],
  logs: ['ephemeral', 'follow'],
  scale: ['ephemeral'],
  scrub: ['ephemeral', 'volume', 'once', 'repair', 'watch', 'json', 'api'],
  env: ['ephemeral'],
  // For containers: docker-compose.yml and the Dockerfile call these.
  part: ['address', 'sockets', 'access'],
  obtain: [],
  inventory: ['api', 'sockets'],
};

const wordsMax: Readonly<Record<string, number>> = { logs: 1, scale: 8, part: 1, obtain: 1 };

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
    once: values.once,
    repair: values.repair,
    watch: values.watch,
    volume: values.volume,
    words: positionals,
    address: values.address,
    sockets: values.sockets,
    access: values.access,
    api: values.api,
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
