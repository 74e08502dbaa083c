/** Suites are the spec files that need real parts. Each runs in a process of its own, so one that hangs or dies takes no other with it. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, relative } from 'node:path';
import { run } from './run.mjs';

const JEST = [
  'node',
  '--experimental-vm-modules',
  '--no-warnings',
  'node_modules/jest/bin/jest.js',
  '-c',
  'jest.config.mjs',
];
const SUITE_DEADLINE_MS = 8 * 60_000;
/** These wait for silence limits, for passes and for hosts that are away; begun last they would run alone at the end. */
const LONGEST = [
  'vms',
  'planted',
  'registry-planted',
  'outage',
  'power',
  'crash',
  'full-disk',
  'rewind',
  'boots',
];
const MESSAGE_LINES_MAX = 40;
const OUTPUT_LINES_MAX = 60;

/**
 * @typedef {{ name: string, project: 'conformance' | 'e2e', path: string }} Suite
 * @typedef {{ passed: number, failed: number, problems: string[] }} Tally
 */

/** @param {string} root @returns {Suite[]} those that the runner itself would find, conformance first */
export function suitesIn(root) {
  return /** @type {const} */ (['conformance', 'e2e']).flatMap((project) => {
    const [program = '', ...args] = [...JEST, '--selectProjects', project, '--listTests'];
    const listed = execFileSync(program, args, {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const paths = listed.split('\n').filter((line) => line.endsWith('.ts'));
    return paths.sort().map((path) => {
      const name = basename(path).replace(/\.(conformance\.spec|e2e-spec)\.ts$/, '');
      return { name, project, path: relative(root, path) };
    });
  });
}

/** @param {Suite[]} suites */
export function longestFirst(suites) {
  const rank = (/** @type {Suite} */ { name }) =>
    LONGEST.includes(name) ? LONGEST.indexOf(name) : LONGEST.length;
  return suites.toSorted((one, other) => rank(one) - rank(other));
}

/**
 * @param {string} root
 * @param {Suite} suite
 * @param {Record<string, string | undefined>} env
 * @returns {Promise<Tally & { seconds: number }>}
 */
export async function runSuite(root, { project, path }, env) {
  const directory = mkdtempSync(join(tmpdir(), 'plumbline-test-'));
  const report = join(directory, 'report.json');
  try {
    const args = ['--selectProjects', project, '--json', '--outputFile', report, '--runTestsByPath', path];
    const outcome = await run([...JEST, ...args], { cwd: root, env, deadlineMs: SUITE_DEADLINE_MS });
    const tally = tallyOf(report, outcome.output);
    if (outcome.ending === 'deadline') {
      tally.failed += 1;
      tally.problems.push(
        `${path} did not end within ${SUITE_DEADLINE_MS / 60_000} minutes\n${endOf(outcome.output)}`,
      );
    } else if (!outcome.ok && tally.failed === 0) {
      tally.failed += 1;
      tally.problems.push(endOf(outcome.output));
    }
    return { ...tally, seconds: outcome.seconds };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/**
 * Counts what a run of Jest left in its report. No report, a file that could not be run, no test at all and a test left
 * out are failures: none of them proves anything.
 * @param {string} report
 * @param {string} output
 * @returns {Tally}
 */
export function tallyOf(report, output) {
  const results = reportIn(report);
  if (!results) return { passed: 0, failed: 1, problems: [`the suite could not start\n${endOf(output)}`] };
  /** @type {Tally} */
  const tally = { passed: results.numPassedTests, failed: 0, problems: [] };
  /** @param {string} title @param {string} message */
  const fail = (title, message) => {
    tally.failed += 1;
    const lines = message.split('\n').filter((line) => !/^\s+at .*node_modules/.test(line));
    tally.problems.push(`${title}\n${lines.slice(0, MESSAGE_LINES_MAX).join('\n')}`.trim());
  };
  for (const file of results.testResults) {
    if (file.status === 'failed' && file.assertionResults.length === 0)
      fail(`${file.name} could not run`, file.message);
    for (const test of file.assertionResults) {
      if (test.status === 'failed') fail(test.fullName, test.failureMessages.join('\n'));
      else if (test.status !== 'passed') fail(test.fullName, 'was left out');
    }
  }
  if (tally.passed + tally.failed === 0) fail('no test was run', endOf(output));
  return tally;
}

/**
 * @param {string} path
 * @returns {{ numPassedTests: number, testResults: { name: string, status: string, message: string,
 *   assertionResults: { status: string, fullName: string, failureMessages: string[] }[] }[] } | undefined}
 */
function reportIn(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

/** @param {string} output */
const endOf = (output) => output.trim().split('\n').slice(-OUTPUT_LINES_MAX).join('\n');
