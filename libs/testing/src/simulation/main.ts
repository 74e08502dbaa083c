import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { runSeeds } from './parallel.js';
import { reportOf } from './report.js';
import { isGood } from './totals.js';

const PROGRESS_MS = 5_000;

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '200' },
    from: { type: 'string', default: '1' },
    minutes: { type: 'string', default: '60' },
    threads: { type: 'string', default: String(availableParallelism()) },
    json: { type: 'string' },
  },
});
const number = (name: 'seeds' | 'from' | 'minutes' | 'threads'): number => {
  const value = Number(values[name]);
  if (Number.isInteger(value) && value > 0) return value;
  process.stderr.write(`--${name} must be a positive whole number; see tools/simulate --help\n`);
  return process.exit(2);
};

let told = performance.now();
const onSeed = (done: number): void => {
  if (performance.now() - told < PROGRESS_MS) return;
  told = performance.now();
  process.stderr.write(`  ${done} seeds\n`);
};
const msMax = number('minutes') * 60_000;
const totals = await runSeeds({
  seeds: number('seeds'),
  from: number('from'),
  threads: number('threads'),
  msMax,
  onSeed,
});
process.stdout.write(`${reportOf(totals).join('\n')}\n`);
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(totals, null, 2)}\n`);
process.exitCode = isGood(totals) ? 0 : 1;
