/** Runs one command as a group of processes that can be ended together, with a deadline, keeping the end of what it prints. */
import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';

const OUTPUT_BYTES_MAX = 256 * 1024;
const GRACE_MS = 10_000;
const DRAIN_MS = 1_000;

/**
 * @typedef {{ ok: boolean, output: string, seconds: number, ending: 'ended' | 'deadline' | 'stopped' }} Outcome
 * @typedef {{ cwd: string, deadlineMs: number, env?: Record<string, string | undefined>, signal?: AbortSignal }} Bounds
 */

/**
 * @param {string[]} command
 * @param {Bounds} bounds
 * @returns {Promise<Outcome>}
 */
export async function run([program = '', ...args], { cwd, deadlineMs, env = {}, signal }) {
  const startedAt = performance.now();
  const child = spawn(program, args, {
    cwd,
    detached: true,
    env: { ...process.env, FORCE_COLOR: undefined, NO_COLOR: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => (output = (output + text).slice(-OUTPUT_BYTES_MAX)));
  }
  /** @type {Outcome['ending']} */
  let ending = 'ended';
  const closed = new Promise((resolve) => child.once('close', resolve));
  const ended = new Promise((resolve) => {
    child.once('exit', (code) => resolve(code === 0));
    child.once('error', (error) => {
      output += `${program}: ${error.message}`;
      resolve(false);
    });
  });
  /** @param {Outcome['ending']} why */
  const stop = async (why) => {
    if (ending !== 'ended') return;
    ending = why;
    endGroup(child.pid, 'SIGTERM');
    await Promise.race([ended, sleep(GRACE_MS, undefined, { ref: false })]);
    endGroup(child.pid, 'SIGKILL');
  };
  const timer = setTimeout(() => void stop('deadline'), deadlineMs);
  const onAbort = () => void stop('stopped');
  signal?.addEventListener('abort', onAbort, { once: true });
  if (signal?.aborted) onAbort();
  const onExit = () => endGroup(child.pid, 'SIGTERM');
  process.once('exit', onExit);

  const ok = await ended;
  // A process that it left behind on purpose may hold its output open for ever.
  await Promise.race([closed, sleep(DRAIN_MS, undefined, { ref: false })]);
  clearTimeout(timer);
  signal?.removeEventListener('abort', onAbort);
  process.removeListener('exit', onExit);
  return { ok: ok && ending === 'ended', output, seconds: (performance.now() - startedAt) / 1000, ending };
}

/** Lets a signal end this process in the usual way, so that what it runs is ended too. */
export function endWithChildren() {
  for (const [signal, number] of /** @type {const} */ ([
    ['SIGINT', 2],
    ['SIGTERM', 15],
    ['SIGHUP', 1],
  ])) {
    process.once(signal, () => process.exit(128 + number));
  }
}

/** @param {number | undefined} pid @param {NodeJS.Signals} signal */
function endGroup(pid, signal) {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'ESRCH') throw error;
  }
}
