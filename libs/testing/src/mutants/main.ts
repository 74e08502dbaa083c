import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { MUTANTS } from './index.js';
import type { Mutant } from './mutant.js';
import { isCaught, lastLine, lineOf, listLines } from './report.js';
import { sideBySide } from './side-by-side.js';
import { triedOnSchedules, triedOnSeeds } from './trials.js';
import type { Verdict } from './trials.js';

const ROOT = resolve(import.meta.dirname, '../../../..');

function refuse(why: string): never {
  process.stderr.write(`${why}; see tools/mutants --help\n`);
  return process.exit(2);
}

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: [] },
    part: { type: 'string', default: '1/1' },
    seeds: { type: 'string', default: '500' },
    from: { type: 'string', default: '1' },
    schedules: { type: 'boolean', default: false },
    json: { type: 'string' },
    list: { type: 'boolean', default: false },
  },
});
const number = (name: 'seeds' | 'from'): number => {
  const value = Number(values[name]);
  return Number.isInteger(value) && value > 0 ? value : refuse(`--${name} must be a positive whole number`);
};

/** Another number for each commit. */
function commitNumber(): number {
  return Number.parseInt(
    execFileSync('git', ['rev-parse', 'HEAD'], { cwd: ROOT, encoding: 'utf8' }).slice(0, 8),
    16,
  );
}

/** The mutants that were named, or that part of them all. */
function chosen(): readonly Mutant[] {
  const all = [...MUTANTS.known, ...MUTANTS['held-out']];
  const named = values.only.flatMap((ids) => ids.split(','));
  for (const id of named) if (!all.some((mutant) => mutant.id === id)) refuse(`there is no mutant ${id}`);
  if (named.length > 0) return all.filter(({ id }) => named.includes(id));
  const [part = '', of = ''] = values.part.split('/');
  const parts = Number(of);
  const at = part === 'commit' ? commitNumber() : Number(part);
  if (!Number.isInteger(at) || !Number.isInteger(parts) || parts < 1)
    refuse('--part must be as 2/3 or commit/3');
  return all.filter((_, place) => place % parts === at % parts);
}

/** On seeds all; on schedules those that say where they show there. */
function trialsOf(mutants: readonly Mutant[]): readonly (() => Promise<Verdict>)[] {
  if (!values.schedules) {
    const settings = { root: ROOT, seeds: number('seeds'), from: number('from') };
    return mutants.map((mutant) => () => triedOnSeeds(mutant, settings));
  }
  return mutants.flatMap((mutant) => {
    const { story } = mutant;
    return story === undefined ? [] : [() => triedOnSchedules(mutant, story, ROOT)];
  });
}

const mutants = chosen();
if (values.list) {
  process.stdout.write(`${listLines(mutants).join('\n')}\n`);
} else {
  const startedMs = performance.now();
  const verdicts = await sideBySide(trialsOf(mutants), async (trial) => {
    const verdict = await trial();
    process.stdout.write(`${lineOf(verdict)}\n`);
    return verdict;
  });
  process.stdout.write(`${lastLine(verdicts, (performance.now() - startedMs) / 1000)}\n`);
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(verdicts, null, 2)}\n`);
  process.exitCode = verdicts.length > 0 && verdicts.every(isCaught) ? 0 : 1;
}
