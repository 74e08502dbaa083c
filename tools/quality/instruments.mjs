/**
 * The programs that look for what breaks, each in the size that a test run can afford. Each says by its exit status whether
 * it found something, and ends whatever it started; the stacks of one that does not are ended here, and it has failed.
 */
import { run } from './run.mjs';
import { withHome } from './stacks.mjs';

const DEADLINE_MS = 9 * 60_000;
const OUTPUT_LINES_MAX = 80;

/** @typedef {{ name: string, command: string[], waits?: true }} Instrument `waits`: mostly for its parts, so it runs beside the suites */

/** @type {Instrument[]} */
export const INSTRUMENTS = [
  { name: 'crash-matrix', command: ['tools/crash-matrix', '--part', 'commit/6'], waits: true },
  { name: 'soak', command: ['tools/soak', '--seed', 'commit', '--minutes', '2'], waits: true },
  {
    name: 'drift',
    command: 'tools/soak --drift --seed commit --population 60 --cases leader-paused'.split(' '),
    waits: true,
  },
  { name: 'simulate', command: ['tools/simulate', '--seeds', '2000'] },
  { name: 'mutants', command: ['tools/mutants', '--part', 'commit/2'] },
];

/**
 * @param {string} root
 * @param {Instrument} instrument
 * @returns {Promise<{ passed: number, failed: number, seconds: number, problems: string[] }>}
 */
export async function runInstrument(root, { name, command }) {
  const { result, left } = await withHome(root, (home) =>
    run(command, { cwd: root, deadlineMs: DEADLINE_MS, env: { TMPDIR: home } }),
  );
  const problems = [];
  if (result.ending === 'deadline') problems.push(`did not end within ${DEADLINE_MS / 60_000} minutes`);
  else if (!result.ok) problems.push('found something, or could not run');
  if (left.length > 0) problems.push(`left a stack running: ${left.join(', ')}`);
  const passed = problems.length === 0 ? 1 : 0;
  return { passed, failed: 1 - passed, seconds: result.seconds, problems: problems.map(explained) };

  /** @param {string} problem */
  function explained(problem) {
    const end = result.output.trim().split('\n').slice(-OUTPUT_LINES_MAX).join('\n');
    return `${command.join(' ')}: ${name} ${problem}\n${end}`;
  }
}
