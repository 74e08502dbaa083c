/** Throw-away stacks of a test run. They lie in a folder of this run, so that whatever is left there is known to be ours. */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from './run.mjs';

const DOWN_DEADLINE_MS = 60_000;

/**
 * Starts the parts without the apps.
 * @param {string} data
 * @returns {Promise<Record<string, string | undefined>>} where they are, as the conformance suites read it from the environment
 */
export async function startParts(data) {
  const { startStack } = await import('@plumbline/stack');
  const stack = await startStack({ ephemeral: true, apps: false, data });
  const { env } = stack;
  return {
    PLUMBLINE_TEST_REDIS: env['REDIS_URL'],
    PLUMBLINE_TEST_CONSUL: env['CONSUL_HTTP_ADDR'],
    PLUMBLINE_TEST_DATABASE_URL: env['DATABASE_URL'],
    PLUMBLINE_TEST_CEPH_CONF: env['CEPH_CONF'],
    PLUMBLINE_TEST_CEPH_OSD_PID: `${stack.process('ceph-osd').pid}`,
    PLUMBLINE_TEST_POOL: env['PLUMBLINE_POOL'],
    PLUMBLINE_TEST_QMP: env['PLUMBLINE_VM_MONITOR'],
    PLUMBLINE_TEST_SERIAL: env['PLUMBLINE_VM_SERIAL'],
  };
}

/**
 * Runs something with a folder for its stacks (short: sockets lie below it), and ends whatever stacks it leaves there.
 * @template T
 * @param {string} root
 * @param {(home: string) => Promise<T>} use
 * @returns {Promise<{ result: T, left: string[] }>} what it returned, and the stacks that it had not ended itself
 */
export async function withHome(root, use) {
  const home = mkdtempSync(join(tmpdir(), 'plumbline-'));
  chmodSync(home, 0o755); // PostgreSQL runs as a user of its own and has to get in.
  // Told to end, this process has no time to wait: what it started must not outlive it all the same.
  const onExit = () => {
    for (const name of stacksIn(home)) spawnSync('node', downOf(home, name), { cwd: root });
    rmSync(home, { recursive: true, force: true });
  };
  process.once('exit', onExit);
  try {
    const result = await use(home);
    return { result, left: await endStacks(root, home) };
  } finally {
    await endStacks(root, home);
    process.removeListener('exit', onExit);
    rmSync(home, { recursive: true, force: true });
  }
}

/**
 * Ends every stack in a folder.
 * @param {string} root
 * @param {string} home
 * @returns {Promise<string[]>} the names of those that were there
 */
async function endStacks(root, home) {
  const left = stacksIn(home);
  for (const name of left)
    await run(['node', ...downOf(home, name)], { cwd: root, deadlineMs: DOWN_DEADLINE_MS });
  return left;
}

/** @param {string} home */
const stacksIn = (home) => readdirSync(home).filter((name) => existsSync(join(home, name, 'state.json')));

/** @param {string} home @param {string} name */
function downOf(home, name) {
  return ['tools/stack/dist/main.js', 'down', '--purge', '--data', join(home, name)];
}
