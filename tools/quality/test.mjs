/** What `tools/test` runs once everything is installed. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { phaseLine, ROWS, runPhases } from './phases.mjs';
import { sideBySide } from './pool.mjs';
import { INSTRUMENTS, runInstrument } from './instruments.mjs';
import { endWithChildren } from './run.mjs';
import { startParts, withHome } from './stacks.mjs';
import { longestFirst, runSuite, suitesIn, tallyOf } from './suites.mjs';

/**
 * @typedef {{ name: string, passed: number, failed: number, seconds: number, problems: string[] }} Result
 * @typedef {{ unit: boolean, only: string[], json: boolean }} Wanted
 */

const ROOT = resolve(import.meta.dirname, '../..');
const PHASES = ROWS.flat();
const SUITES_AT_A_TIME = 3;

/** @param {string[]} args @returns {Wanted} */
function wantedFrom(args) {
  const options = /** @type {const} */ ({
    unit: { type: 'boolean' },
    only: { type: 'string', multiple: true },
    json: { type: 'boolean' },
  });
  try {
    const { unit = false, only = [], json = false } = parseArgs({ args, options }).values;
    return { unit, only, json };
  } catch (error) {
    console.error(`${/** @type {Error} */ (error).message}; see tools/test --help`);
    process.exit(2);
  }
}

/**
 * The unit tests are counted one by one; any other phase counts as one test.
 * @param {import('./phases.mjs').Phase[]} phases
 * @param {(line: string) => void} say
 * @returns {Promise<Result[]>}
 */
async function runVerify(phases, say) {
  const directory = mkdtempSync(join(tmpdir(), 'plumbline-test-'));
  const report = join(directory, 'report.json');
  const rows = ROWS.map((row) =>
    row
      .filter((phase) => phases.includes(phase))
      .map((phase) =>
        phase.name === 'unit' ? { ...phase, args: ['--json', '--outputFile', report] } : phase,
      ),
  );
  try {
    const outcomes = await runPhases(rows, {
      root: ROOT,
      keepGoing: true,
      onEnd: (outcome) => say(phaseLine(outcome)),
    });
    return outcomes.map(({ phase, ok, output, seconds }) => {
      const failure = { passed: 0, failed: 1, problems: [`${phase.name} failed\n${output.trim()}`] };
      const tally =
        phase.name === 'unit'
          ? tallyOf(report, output)
          : ok
            ? { passed: 1, failed: 0, problems: [] }
            : failure;
      const isSilent = !ok && tally.failed === 0;
      return { name: phase.name, seconds, ...(isSilent ? failure : tally) };
    });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/**
 * What needs real parts mostly waits for them, so several run side by side: the conformance suites one after the other on
 * a stack of parts alone that they share, each keeping to things of its own there, and beside them the others, each on
 * stacks of its own. Then comes, one at a time, what uses all cores.
 * @param {import('./suites.mjs').Suite[]} suites
 * @param {import('./instruments.mjs').Instrument[]} instruments
 * @param {(line: string) => void} say
 * @returns {Promise<Result[]>}
 */
async function runOnParts(suites, instruments, say) {
  const ofProject = (/** @type {string} */ project) => suites.filter((suite) => suite.project === project);
  const jobsOf = (/** @type {boolean} */ waits) =>
    instruments
      .filter((instrument) => (instrument.waits === true) === waits)
      .map((instrument) => async () => [await runOneInstrument(instrument, say)]);
  const jobs = [
    ...jobsOf(true),
    () => runConformance(ofProject('conformance'), say),
    ...longestFirst(ofProject('e2e')).map((suite) => () => runEndToEnd(suite, say)),
  ];
  const beside = await sideBySide(jobs, SUITES_AT_A_TIME);
  const alone = await sideBySide(jobsOf(false), 1);
  return [...beside, ...alone].flat();
}

/**
 * @param {import('./suites.mjs').Suite[]} suites
 * @param {(line: string) => void} say
 * @returns {Promise<Result[]>}
 */
async function runConformance(suites, say) {
  if (suites.length === 0) return [];
  const { result } = await withHome(ROOT, async (home) => {
    const startedAt = performance.now();
    try {
      const env = await startParts(join(home, 'parts'));
      say(
        `${'parts'.padEnd(12)} ${((performance.now() - startedAt) / 1000).toFixed(1).padStart(6)} s  started`,
      );
      /** @type {Result[]} */
      const results = [];
      for (const suite of suites) results.push(told(suite, await runSuite(ROOT, suite, env), say));
      return results;
    } catch (error) {
      return suites.map((suite) =>
        unstarted(suite, `its parts did not start: ${/** @type {Error} */ (error).message}`),
      );
    }
  });
  return result;
}

/**
 * A suite keeps its stacks in the temporary folder that it is given. One that does not end them has failed, whatever it says.
 * @param {import('./suites.mjs').Suite} suite
 * @param {(line: string) => void} say
 * @returns {Promise<Result[]>}
 */
async function runEndToEnd(suite, say) {
  const { result, left } = await withHome(ROOT, (home) => runSuite(ROOT, suite, { TMPDIR: home }));
  if (left.length === 0) return [told(suite, result, say)];
  const problems = [...result.problems, `${suite.path} left a stack running: ${left.join(', ')}`];
  return [told(suite, { ...result, failed: result.failed + 1, problems }, say)];
}

/**
 * @param {import('./instruments.mjs').Instrument} instrument
 * @param {(line: string) => void} say
 * @returns {Promise<Result>}
 */
async function runOneInstrument(instrument, say) {
  const result = { name: instrument.name, ...(await runInstrument(ROOT, instrument)) };
  const { name, seconds, failed } = result;
  say(`${name.padEnd(28)} ${seconds.toFixed(1).padStart(6)} s  ${failed === 0 ? 'ok' : 'FAILED'}`);
  return result;
}

/**
 * @param {import('./suites.mjs').Suite} suite
 * @param {Omit<Result, 'name'>} outcome
 * @param {(line: string) => void} say
 * @returns {Result}
 */
function told(suite, outcome, say) {
  const { seconds, passed, failed, problems } = outcome;
  const name = `${suite.project} ${suite.name}`;
  say(`${name.padEnd(28)} ${seconds.toFixed(1).padStart(6)} s  ${passed} passed, ${failed} failed`);
  for (const problem of problems) say(`\n✗ ${problem}\n`);
  return { name, ...outcome };
}

/** @param {import('./suites.mjs').Suite} suite @param {string} why @returns {Result} */
function unstarted({ project, name }, why) {
  const problems = [`${project} ${name} could not start: ${why}`];
  return { name: `${project} ${name}`, passed: 0, failed: 1, seconds: 0, problems };
}

/**
 * @param {Wanted} wanted
 * @param {(line: string) => void} say
 * @returns {Promise<Result[]>}
 */
async function runWanted({ unit, only }, say) {
  if (unit)
    return runVerify(
      PHASES.filter((phase) => phase.name === 'unit'),
      say,
    );
  const isWanted = (/** @type {string[]} */ names) =>
    only.length === 0 || names.some((name) => only.includes(name));
  const all = suitesIn(ROOT);
  const suites = all.filter(({ name, project, path }) =>
    isWanted([name, project, path, `${project} ${name}`]),
  );
  const phases = PHASES.filter(({ name }) => isWanted([name, 'verify']));
  const instruments = INSTRUMENTS.filter(({ name }) => isWanted([name, 'instruments']));
  if (phases.length + suites.length + instruments.length === 0) {
    const names = [...PHASES, ...all, ...INSTRUMENTS].map(({ name }) => name);
    const problem = `nothing is called ${only.join(', ')}; there are: verify, conformance, e2e, instruments, ${[...new Set(names)].join(', ')}`;
    return [{ name: 'selection', passed: 0, failed: 1, seconds: 0, problems: [problem] }];
  }
  const results = await runVerify(phases, say);
  const unready = await buildUnless(phases, suites.length + instruments.length > 0, say);
  const broken = [...results, ...unready].find(({ name, failed }) => name === 'build' && failed > 0);
  if (broken) return [...results, ...unready, ...suites.map((suite) => unstarted(suite, 'the build failed'))];
  return [...results, ...(await runOnParts(suites, instruments, say))];
}

/**
 * Suites and instruments run what was built; when no build is among the phases, one comes first, and counts only if it fails.
 * @param {import('./phases.mjs').Phase[]} phases
 * @param {boolean} isNeeded
 * @param {(line: string) => void} say
 */
async function buildUnless(phases, isNeeded, say) {
  const build = PHASES.filter((phase) => phase.name === 'build' && isNeeded && !phases.includes(phase));
  return (await runVerify(build, say)).filter(({ failed }) => failed > 0);
}

endWithChildren();
const wanted = wantedFrom(process.argv.slice(2));
const say = (/** @type {string} */ line) => (wanted.json ? console.error(line) : console.log(line));
const results = await runWanted(wanted, say);
const passed = results.reduce((sum, result) => sum + result.passed, 0);
const failed = results.reduce((sum, result) => sum + result.failed, 0);
for (const problem of results.flatMap(({ problems }) => problems)) say(`\n✗ ${problem}\n`);
if (wanted.json) console.log(JSON.stringify({ passed, failed, results }, null, 2));
else console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
