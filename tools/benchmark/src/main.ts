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
  const interrupted = new Promise<never>((_resolve, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      process.once(signal, () => reject(new StackError(`interrupted by ${signal}; ending what was started`)));
  });
  interrupted.catch(() => undefined);
  // Its processes outlive this one: a stack that is still starting is waited for, so that it can be ended.
  const target = await opening;
  try {
    const results = await Promise.race([interrupted, measure(settings, target, progress)]);
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
  // What was under way when it was interrupted has nobody left who waits for it.
  process.exit(1);
}
