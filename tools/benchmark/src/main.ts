import { writeFileSync } from 'node:fs';
import { progressTo, StackError } from '@plumbline/stack';
import { readSettings } from './args.js';
import { goalsOf } from './goals.js';
import { reportOf, verdictOf } from './report.js';
import { measure } from './run.js';
import { Target } from './target.js';

const progress = progressTo((text) => process.stdout.write(text));

async function main(): Promise<number> {
  const settings = readSettings(process.argv.slice(2), process.cwd());
  const opening = Target.open(settings.stack, progress);
  // Its processes outlive this one, so also a stack that is still starting must be ended.
  const end = () => {
    const closed = opening.then((target) => target.close());
    void closed.catch(() => undefined).finally(() => process.exit(1));
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, end);
  const target = await opening;
  try {
    const results = await measure(settings, target, progress);
    const goals = goalsOf(results);
    for (const line of reportOf(results, goals)) progress.line(line);
    if (settings.json !== undefined)
      writeFileSync(settings.json, `${JSON.stringify({ ...results, goals }, null, 2)}\n`);
    progress.line(verdictOf(results, goals));
    return settings.check && goals.some(({ met }) => !met) ? 1 : 0;
  } finally {
    await target.close();
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof StackError)) throw error;
  process.stderr.write(`\n${error.message}\n`);
  process.exitCode = 1;
}
