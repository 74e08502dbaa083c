import { down } from './down.js';
import { environmentOf } from './env.js';
import { StackError } from './errors.js';
import { waitFor } from './wait.js';
import { isAlive } from './identity.js';
import { startApp } from './parts/apps.js';
import { sendSignal } from './processes.js';
import { progressTo, type Progress } from './progress.js';
import { scale, readWish } from './scale.js';
import { services } from './services.js';
import { assignPortsTo, startAll, startOne, startTwin } from './start.js';
import { saveState, type ProcessRecord, type Stack } from './state.js';
import { statusOf, type ProcessStatus } from './status.js';
import { removeData, stopAll, stopOne } from './stop.js';
import { bringUp } from './up.js';
import { defaultData } from './paths.js';

export { ApiClient } from './api.js';
export { lookAt, recordKey, runDemo, type Sayings, type Source } from './demo/index.js';
export { StackError } from './errors.js';
export { isAlive } from './identity.js';
export { consulKeys, consulValue } from './outside/consul.js';
export { imageInfo, imageNames, restoreFromTrash, trashEntries } from './outside/ceph.js';
export type { ImageInfo, TrashEntry } from './outside/ceph.js';
export { askGuest, guestDisks, type GuestDisk } from './outside/guest.js';
export { execute, query } from './outside/postgres.js';
export { askQemu, vmDisks, type VmDisk } from './outside/qemu.js';
export { progressTo, seconds, type Progress } from './progress.js';
export { commonEnvironment, processNames, services, usualPorts, type Service } from './services.js';
export type { ProcessRecord, Stack } from './state.js';
export type { ProcessStatus } from './status.js';
export { waitFor, type WaitOptions } from './wait.js';

export interface StackWish {
  /** Ceph in memory and nothing kept. A `kill('ceph-osd')` loses its objects; use a kept stack for that. */
  ephemeral: boolean;
  /** Default: the project's own folder for such a stack. Tests that run side by side each give one. */
  data?: string;
  /** False for the parts alone. */
  apps?: boolean;
  /** How many of a service, for example `{ 'ceph-worker': 3 }`. */
  workers?: Readonly<Record<string, number>>;
  /** Files to run in place of apps' own mains, by app. */
  entries?: Readonly<Record<string, string>>;
  progress?: Progress;
}

/** A running stack in a test's hands. */
export interface RunningStack {
  readonly stack: Stack;
  /** The assignments of `tools/env`. */
  readonly env: Readonly<Record<string, string>>;
  status(): Promise<ProcessStatus[]>;
  process(name: string): ProcessRecord;
  /** `kill -9`, and the wait for its end. */
  kill(name: string): Promise<void>;
  /** SIGSTOP. */
  pause(name: string): void;
  /** SIGCONT. */
  resume(name: string): void;
  /** A clean stop of one process. */
  halt(name: string): Promise<void>;
  /**
   * Starts one process of an app and waits until it is ready; whatever else is dead or asleep stays so.
   * @param as a name of its own, for one more beside those that run
   */
  begin(app: string, as?: string): Promise<void>;
  /** Starts whatever does not run, and waits until all is ready. */
  restore(): Promise<void>;
  /** Whether a process runs, paused or not. */
  isAlive(name: string): boolean;
  /** Starts one process that has ended; an app is not waited for. */
  start(name: string): Promise<void>;
  /** Starts a second process under a running one's name; what it is called here. */
  twin(name: string): Promise<string>;
  /** What a process is told besides in its environment from its next start on. */
  override(name: string, environment: Readonly<Record<string, string>>): void;
  /** A clean stop of one process and a start of whatever does not run. */
  restart(name: string): Promise<void>;
  scale(app: string, count: number): Promise<void>;
  /** Ends all processes; a throw-away stack is removed, of a kept one the data stay. */
  stop(): Promise<void>;
  /** Ends all processes and removes all data. */
  purge(): Promise<void>;
}

const silent = progressTo(() => undefined);
const deathMs = 10_000;

/** Starts a stack for a test, or finds the one that runs in `data`. The caller stops it; a start that fails leaves nothing. */
export async function startStack(wish: StackWish): Promise<RunningStack> {
  const { ephemeral, data = defaultData(ephemeral), apps = true, workers = {}, entries } = wish;
  const { progress = silent } = wish;
  const options = { data, ephemeral, apps, workers, ...(entries === undefined ? {} : { entries }) };
  try {
    return hold(await bringUp(options, progress));
  } catch (error) {
    await down({ data, purge: false }, silent);
    throw error;
  }
}

function hold(stack: Stack): RunningStack {
  const record = (name: string): ProcessRecord => {
    const known = stack.state.processes[name];
    if (!known) throw new StackError(`this stack has no process ${name}`);
    return known;
  };
  const restore = async () => {
    await startAll(stack);
  };
  return {
    stack,
    get env() {
      return environmentOf(stack);
    },
    status: () => statusOf(stack),
    process: record,
    async kill(name) {
      const victim = record(name);
      sendSignal(victim, 'SIGKILL');
      await waitFor(() => !isAlive(victim), {
        what: `the death of ${name}`,
        deadlineMs: deathMs,
        everyMs: 10,
      });
    },
    pause: (name) => sendSignal(record(name), 'SIGSTOP'),
    resume: (name) => sendSignal(record(name), 'SIGCONT'),
    halt: (name) => stopOne(stack, name),
    async begin(app, as = app) {
      const service = services.find((one) => one.app === app);
      if (!service) throw new StackError(`there is no app ${app}`);
      await assignPortsTo(stack, as);
      await startApp(stack, service, as);
    },
    restore,
    isAlive: (name) => isAlive(record(name)),
    start: (name) => startOne(stack, name),
    twin: (name) => startTwin(stack, name),
    override(name, environment) {
      stack.state.overrides = { ...stack.state.overrides, [name]: { ...environment } };
      saveState(stack);
    },
    async restart(name) {
      await stopOne(stack, name);
      await restore();
    },
    scale: (app, count) => scale(stack, readWish(`${app}=${count}`)),
    async stop() {
      await stopAll(stack);
      if (stack.state.ephemeral) removeData(stack);
    },
    async purge() {
      await stopAll(stack);
      removeData(stack);
    },
  };
}
