import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { isGood, reportOf, runSeeds } from './report.js';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '200' },
    from: { type: 'string', default: '1' },
    minutes: { type: 'string', default: '60' },
    json: { type: 'string' },
  },
});
const number = (name: 'seeds' | 'from' | 'minutes'): number => {
  const value = Number(values[name]);
  if (Number.isInteger(value) && value > 0) return value;
  process.stderr.write(`--${name} must be a positive whole number; see tools/simulate --help\n`);
  return process.exit(2);
};

const totals = await runSeeds(
  { seeds: number('seeds'), from: number('from'), msMax: number('minutes') * 60_000 },
  () => performance.now(),
);
process.stdout.write(`${reportOf(totals).join('\n')}\n`);
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(totals, null, 2)}\n`);
process.exitCode = isGood(totals) ? 0 : 1;
