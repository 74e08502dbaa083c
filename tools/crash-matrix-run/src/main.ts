import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { intentCatalog } from '@plumbline/intents';
import { StackError, progressTo } from '@plumbline/stack';
import { readSettings } from './args.js';
import { variantsOf } from './matrix/variants.js';
import { isGood, reportOf, verdictOf, writePage } from './report.js';
import { runMatrix } from './run.js';

const ROOT = resolve(import.meta.dirname, '../../..');
const PAGE = resolve(ROOT, 'docs/crash-matrix.md');
const progress = progressTo((text) => process.stdout.write(text));

async function main(): Promise<number> {
  const settings = readSettings(process.argv.slice(2), { commit: commitOf(ROOT), from: process.cwd() });
  const stopped = new Promise<never>((_resolve, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      process.once(signal, () => reject(new StackError(`stopped by ${signal}; ending what was started`)));
  });
  stopped.catch(() => undefined);
  const { regions, ...results } = await runMatrix(settings, progress, stopped);
  for (const line of reportOf(results)) progress.line(line);
  if (settings.json !== null) writeFileSync(settings.json, `${JSON.stringify(results, null, 2)}\n`);
  const isWhole = settings.part.of === 1 && settings.only === null;
  if (isWhole && isGood(results)) writePage(PAGE, variantsOf(intentCatalog, regions), results);
  progress.line(verdictOf(results));
  return isGood(results) ? 0 : 1;
}

/** Without a repository around it this is always the same code. */
function commitOf(root: string): string {
  try {
    return execFileSync('git', ['rev-parse', 'HEAD'], { cwd: root, encoding: 'utf8', stdio: 'pipe' });
  } catch {
    return '0';
  }
}

try {
  process.exit(await main());
} catch (error) {
  if (!(error instanceof StackError)) throw error;
  process.stderr.write(`\n${error.message}\n`);
  process.exit(1);
}
