/** `npm run verify`: every phase that needs no stack; the first that fails stops the others. */
import { resolve } from 'node:path';
import { phaseLine, ROWS, runPhases } from './phases.mjs';
import { endWithChildren } from './run.mjs';

endWithChildren();
const root = resolve(import.meta.dirname, '../..');
const startedAt = performance.now();
const outcomes = await runPhases(ROWS, {
  root,
  keepGoing: false,
  onEnd: (outcome) => console.log(phaseLine(outcome)),
});
const failed = outcomes.find(({ ok, ending }) => !ok && ending !== 'stopped');
const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
if (failed) {
  console.log(`\n${failed.output.trim()}\n`);
  console.log(
    `verify: ${failed.phase.name} failed after ${seconds} s; alone: npm run ${failed.phase.script}`,
  );
  process.exitCode = 1;
} else console.log(`verify: all ${outcomes.length} phases hold, ${seconds} s`);
