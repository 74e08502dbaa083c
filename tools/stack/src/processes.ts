import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { StackError } from './errors.js';
import { identify, isAlive, stateOf } from './identity.js';
import { lastLines } from './run.js';
import { saveState, type ProcessRecord, type Stack } from './state.js';
import { waitFor } from './wait.js';

const logMaxBytes = 16 * 1024 * 1024;

/** An emulated guest on a machine that does much else takes minutes to boot; what ends meanwhile is told at once. */
const readyMs = 180_000;

export interface ProcessSpec {
  name: string;
  app: string;
  command: string;
  args: readonly string[];
  env?: Readonly<Record<string, string>>;
  uid?: number | undefined;
  gid?: number | undefined;
  port?: number;
  version: string;
  /** Asked until it answers true; the process dying meanwhile ends the wait. */
  ready: () => Promise<boolean>;
}

export function logFile({ layout }: Stack, name: string): string {
  return join(layout.logs, `${name}.log`);
}

export function isUp({ state }: Stack, name: string): boolean {
  const record = state.processes[name];
  return record !== undefined && isAlive(record);
}

export type Started = 'already up' | 'started' | 'restarted' | 'woken';

/** Makes sure that one process runs and is ready. May be called at any time; a living process is left alone. */
export async function ensureProcess(stack: Stack, spec: ProcessSpec): Promise<Started> {
  const before = stack.state.processes[spec.name];
  let how: Started = before ? 'restarted' : 'started';
  if (before && isAlive(before)) {
    how = stateOf(before) === 'paused' ? 'woken' : 'already up';
    if (how === 'woken') process.kill(before.pid, 'SIGCONT');
  } else {
    launch(stack, spec);
  }
  await waitUntilReady(stack, spec);
  return how;
}

/** Starts it and waits for nothing. It gets a session of its own: neither the end of this command nor Ctrl-C reaches it. */
export function launch(stack: Stack, spec: Omit<ProcessSpec, 'ready'>): ProcessRecord {
  const log = logFile(stack, spec.name);
  if (existsSync(log) && statSync(log).size > logMaxBytes) renameSync(log, `${log}.1`);
  const out = openSync(log, 'a', 0o600);
  const child = spawn(spec.command, spec.args, {
    cwd: '/',
    detached: true,
    stdio: ['ignore', out, out],
    env: { ...plainEnvironment(), ...spec.env },
    ...(spec.uid === undefined ? {} : { uid: spec.uid }),
    ...(spec.gid === undefined ? {} : { gid: spec.gid }),
  });
  closeSync(out);
  child.on('error', () => undefined);
  if (child.pid === undefined) throw new StackError(`${spec.name}: cannot run ${spec.command}`);
  child.unref();
  const record = {
    ...identify(child.pid),
    name: spec.name,
    app: spec.app,
    port: spec.port ?? null,
    version: spec.version,
    startedAt: new Date().toISOString(),
  };
  stack.state.processes[spec.name] = record;
  saveState(stack);
  return record;
}

/** Only what programs need to run: a shell's own settings must not change how a stack behaves. */
function plainEnvironment(): Record<string, string> {
  const { PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', HOME = '/' } = process.env;
  return { PATH, HOME, LANG: 'C.UTF-8', TZ: 'UTC' };
}

async function waitUntilReady(stack: Stack, spec: ProcessSpec): Promise<void> {
  await waitFor(
    async () => {
      if (!isUp(stack, spec.name)) {
        const why = lastLines(readFileSync(logFile(stack, spec.name), 'utf8'));
        throw new StackError(`${spec.name} ended while it was starting; its log says:\n${why}`, {
          cause: 'final',
        });
      }
      return spec.ready();
    },
    {
      what: `${spec.name} (see ${logFile(stack, spec.name)})`,
      deadlineMs: readyMs,
      everyMs: 50,
    },
  );
}

export interface StopWay {
  signal?: NodeJS.Signals;
  graceMs?: number;
}

/** Ends one process by its pid: politely, then after the deadline by force. */
export async function stopProcess(
  stack: Stack,
  name: string,
  way: StopWay = {},
): Promise<'ended' | 'killed' | 'was dead'> {
  const { signal = 'SIGTERM', graceMs = 10_000 } = way;
  const record = stack.state.processes[name];
  if (!record || !isAlive(record)) return 'was dead';
  sendSignal(record, signal);
  if (stateOf(record) === 'paused') sendSignal(record, 'SIGCONT');
  const gone = () => !isAlive(record);
  const ended = await waitFor(gone, { what: name, deadlineMs: graceMs, everyMs: 30 }).catch(() => false);
  if (ended) return 'ended';
  sendSignal(record, 'SIGKILL');
  await waitFor(gone, { what: `the end of ${name}`, deadlineMs: 10_000, everyMs: 30 });
  return 'killed';
}

export function sendSignal(record: ProcessRecord, signal: NodeJS.Signals): void {
  if (!isAlive(record)) return;
  try {
    process.kill(record.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
