import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { StackError } from '@plumbline/stack';

export interface Settings {
  /** One part of so many, dealt from the whole; the whole is one of one. */
  readonly part: { readonly part: number; readonly of: number };
  readonly only: string | null;
  readonly json: string | null;
  /** Where the logs of all processes are to be kept. */
  readonly logs: string | null;
}

const PARTS_MAX = 100;
/** Of a commit's hash: as many as make an exact number. */
const HASH_DIGITS = 8;

/** Reads the command line. `from` is the folder that relative paths start from, `commit` the hash of what is run. */
export function readSettings(
  argv: readonly string[],
  { commit, from }: { commit: string; from: string },
): Settings {
  const { part, only, json, logs } = parse(argv);
  const path = (text: string | undefined) => (text === undefined ? null : resolve(from, text));
  return {
    part: part === undefined ? { part: 1, of: 1 } : partOf(part, commit),
    only: only ?? null,
    json: path(json),
    logs: path(logs),
  };
}

function partOf(text: string, commit: string): Settings['part'] {
  const [, which = '', parts = ''] = /^(\d+|commit)\/(\d+)$/.exec(text) ?? [];
  const of = Number(parts);
  const part =
    which === 'commit' ? (Number.parseInt(commit.slice(0, HASH_DIGITS), 16) % of) + 1 : Number(which);
  if (!(part >= 1 && part <= of && of <= PARTS_MAX))
    throw new StackError(
      `--part must be like 1/3 or commit/3, at most ${PARTS_MAX} parts; see tools/crash-matrix --help`,
    );
  return { part, of };
}

function parse(argv: readonly string[]) {
  const options = {
    part: { type: 'string' },
    only: { type: 'string' },
    json: { type: 'string' },
    logs: { type: 'string' },
  } as const;
  try {
    return parseArgs({ args: [...argv], options, strict: true }).values;
  } catch (cause) {
    throw new StackError(`${(cause as Error).message.split('. ')[0]}; see tools/crash-matrix --help`, {
      cause,
    });
  }
}
