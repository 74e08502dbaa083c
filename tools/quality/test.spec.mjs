import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runInstrument } from './instruments.mjs';
import { runPhases } from './phases.mjs';
import { sideBySide } from './pool.mjs';
import { run } from './run.mjs';
import { tallyOf } from './suites.mjs';

/** @type {string} */
let directory;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'plumbline-quality-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

describe('counting', () => {
  /** @param {object[]} testResults @param {number} [numPassedTests] */
  function tally(testResults, numPassedTests = 0) {
    const report = join(directory, 'report.json');
    writeFileSync(report, JSON.stringify({ numPassedTests, testResults }));
    return tallyOf(report, 'what it printed');
  }
  /** @param {string} status */
  const test = (status) => ({ status, fullName: `a test that is ${status}`, failureMessages: ['because'] });

  it('counts each passed and each failed test, and keeps why', () => {
    const file = {
      name: 'a',
      status: 'failed',
      message: '',
      assertionResults: [test('passed'), test('failed')],
    };
    expect(tally([file], 1)).toEqual({ passed: 1, failed: 1, problems: ['a test that is failed\nbecause'] });
  });

  it('counts a file that could not be run, a report that is missing and a run without tests as failures', () => {
    const broken = { name: 'a', status: 'failed', message: 'no such module', assertionResults: [] };
    expect(tally([broken])).toMatchObject({ passed: 0, failed: 1 });
    expect(tally([])).toMatchObject({ passed: 0, failed: 1 });
    expect(tallyOf(join(directory, 'none.json'), 'out of memory')).toMatchObject({ passed: 0, failed: 1 });
  });

  it('counts a test that was left out as a failure', () => {
    const file = {
      name: 'a',
      status: 'passed',
      message: '',
      assertionResults: [test('passed'), test('pending')],
    };
    expect(tally([file], 1)).toMatchObject({ passed: 1, failed: 1 });
  });
});

describe('running a command', () => {
  it('tells success from failure, and from a command that is not there', async () => {
    expect(await run(['true'], { cwd: directory, deadlineMs: 60_000 })).toMatchObject({
      ok: true,
      ending: 'ended',
    });
    expect(await run(['sh', '-c', 'echo why; exit 3'], { cwd: directory, deadlineMs: 60_000 })).toMatchObject(
      {
        ok: false,
        output: 'why\n',
      },
    );
    expect(await run(['./no-such-command'], { cwd: directory, deadlineMs: 60_000 })).toMatchObject({
      ok: false,
    });
  });

  /** @param {number} pid @returns {boolean} a process that only waits to be noticed by its parent does not run */
  function isRunning(pid) {
    const stat = existsSync(`/proc/${pid}/stat`) ? readFileSync(`/proc/${pid}/stat`, 'utf8') : ') Z';
    return !stat.slice(stat.lastIndexOf(')')).startsWith(') Z');
  }

  it('ends what takes too long, with everything that it started', async () => {
    const pidFile = join(directory, 'pid');
    const outcome = await run(['sh', '-c', `sleep 300 & echo $! > ${pidFile}; wait`], {
      cwd: directory,
      deadlineMs: 500,
    });
    expect(outcome).toMatchObject({ ok: false, ending: 'deadline' });
    const pid = Number(readFileSync(pidFile, 'utf8'));
    expect(isRunning(pid)).toBe(false);
  });

  it('ends what is stopped from outside', async () => {
    const stop = new AbortController();
    const running = run(['sleep', '300'], { cwd: directory, deadlineMs: 60_000, signal: stop.signal });
    stop.abort();
    expect(await running).toMatchObject({ ok: false, ending: 'stopped' });
  });
});

describe('phases', () => {
  const scripts = { good: 'echo good', bad: 'echo why; exit 1', endless: 'sleep 300' };
  /** @param {string[][]} rows @param {boolean} keepGoing */
  async function endings(rows, keepGoing) {
    writeFileSync(join(directory, 'package.json'), JSON.stringify({ scripts }));
    const phases = rows.map((row) => row.map((name) => ({ name, script: name })));
    const outcomes = await runPhases(phases, { root: directory, keepGoing, onEnd: () => undefined });
    return outcomes.map(({ phase, ok, ending }) => `${phase.name} ${ok ? 'ok' : ending}`);
  }

  it('end with the first that fails, which stops the row beside it', async () => {
    expect(await endings([['good', 'bad', 'good'], ['endless']], false)).toEqual([
      'good ok',
      'bad ended',
      'endless stopped',
    ]);
  });

  it('all run when the whole picture is wanted', async () => {
    expect(await endings([['bad', 'good'], ['good']], true)).toEqual(['bad ended', 'good ok', 'good ok']);
  });
});

describe('jobs side by side', () => {
  it('are never more than asked for at a time, all run, and answer in their order', async () => {
    let running = 0;
    let most = 0;
    const jobs = Array.from({ length: 9 }, (_, index) => async () => {
      most = Math.max(most, (running += 1));
      for (let tick = 0; tick < 9 - index; tick += 1) await Promise.resolve();
      running -= 1;
      return index;
    });
    expect(await sideBySide(jobs, 3)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    expect({ running, most }).toEqual({ running: 0, most: 3 });
  });
});

describe('an instrument', () => {
  /** @param {string} script */
  const ofScript = (script) =>
    runInstrument(directory, { name: 'instrument', command: ['sh', '-c', script] });

  it('has passed when it says so, and failed when it found something or was not there', async () => {
    expect(await ofScript('exit 0')).toMatchObject({ passed: 1, failed: 0, problems: [] });
    const failed = await ofScript('echo R1 does not hold; exit 1');
    expect(failed).toMatchObject({ passed: 0, failed: 1 });
    expect(failed.problems.join()).toContain('R1 does not hold');
    const absent = { name: 'instrument', command: ['./no-such-instrument'] };
    expect(await runInstrument(directory, absent)).toMatchObject({ passed: 0, failed: 1 });
  });

  it('has failed when it left a stack running, whatever it says', async () => {
    const outcome = await ofScript('mkdir "$TMPDIR/left" && echo {} > "$TMPDIR/left/state.json"');
    expect(outcome).toMatchObject({ passed: 0, failed: 1 });
    expect(outcome.problems.join()).toContain('left a stack running: left');
  });
});
