import {
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  existsSync,
  readdirSync,
  writeFileSync,
  mkdtempSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { StackError } from './errors.js';
import { identify, isAlive, type Identity } from './identity.js';
import { layoutOf, type Layout } from './paths.js';
import type { Progress } from './progress.js';

/** A process that a stack started: enough to find it again, and never to signal another that got its pid. */
export interface ProcessRecord extends Identity {
  name: string;
  app: string;
  port: number | null;
  version: string;
  startedAt: string;
}

/** What a stack must still know after the command that started it has ended. */
export interface State {
  format: 1;
  ephemeral: boolean;
  /** False for a stack of the parts alone, as conformance tests use it. */
  apps: boolean;
  ports: Record<string, number>;
  /** A short folder for unix sockets, whose paths end at 107 bytes. */
  sockets: string;
  /** Where PostgreSQL's data are when its user cannot enter the data folder. */
  postgresDir?: string;
  processes: Record<string, ProcessRecord>;
  workers: Record<string, number>;
  /** What is run in place of an app's own main: a test may put something between an app and its ports. */
  entries?: Record<string, string>;
  ceph?: { fsid: string; osdUuid: string; monPort: number };
  /** Numbers that the API gave to the VMs. */
  vms?: Record<string, number>;
  account?: string;
  /** Where the parts listen, when that is not loopback: in a container of its own, a part has an address of its own. */
  address?: string;
  /** Set where this is one part alone, in its container. */
  part?: PartName;
  /** What an instrument has a process told besides, or otherwise, in its environment: by the process's name. */
  overrides?: Record<string, Record<string, string>>;
  /** The volume of a demo that has not yet removed everything it made. */
  demo?: string;
}

/** What a container may hold: a part, or parts that cannot be apart. */
export const partNames = ['consul', 'ceph', 'hypervisor'] as const;
export type PartName = (typeof partNames)[number];

export function addressOf({ state }: Stack): string {
  return state.address ?? '127.0.0.1';
}

export interface Stack {
  readonly layout: Layout;
  readonly state: State;
  readonly progress: Progress;
}

const socketPathMaxBytes = 107;
const longestSocketName = '/plumbline-tools.sock'.length;

export function loadState(data: string): State | undefined {
  const { state } = layoutOf(data);
  if (!existsSync(state)) return undefined;
  try {
    return JSON.parse(readFileSync(state, 'utf8')) as State;
  } catch (cause) {
    throw new StackError(`${state} cannot be read; remove ${data} to begin anew`, { cause });
  }
}

/** Written beside and renamed, so that a crash leaves the old state or the new one, never half of one. */
export function saveState({ layout, state }: Stack): void {
  const fresh = `${layout.state}.${process.pid}`;
  writeFileSync(fresh, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 });
  renameSync(fresh, layout.state);
}

interface FreshStack {
  ephemeral: boolean;
  /** A folder for the unix sockets, where others must find them; by default one is made. */
  sockets?: string | undefined;
}

/** Opens the stack in a data folder, or makes an empty one. A folder with strangers' files in it is refused. */
export function openStack(data: string, fresh: FreshStack, progress: Progress): Stack {
  const layout = layoutOf(data);
  const known = loadState(data);
  if (!known && existsSync(data) && readdirSync(data).some((name) => !['lock', 'logs'].includes(name))) {
    throw new StackError(`${data} holds files that are not a stack's; give --data an empty folder`);
  }
  for (const folder of [layout.data, layout.logs, layout.run]) mkdirSync(folder, { recursive: true });
  mkdirSync(layout.secrets, { recursive: true, mode: 0o700 });
  const state: State = known ?? {
    format: 1,
    ephemeral: fresh.ephemeral,
    apps: false,
    ports: {},
    sockets: '',
    processes: {},
    workers: {},
  };
  if (fresh.sockets) {
    mkdirSync(fresh.sockets, { recursive: true });
    state.sockets = fresh.sockets;
  } else if (!state.sockets || !existsSync(state.sockets)) {
    state.sockets = makeSocketFolder();
  }
  const stack = { layout, state, progress };
  saveState(stack);
  return stack;
}

function makeSocketFolder(): string {
  const wished = process.platform === 'linux' ? '/tmp' : dirname(process.cwd());
  const folder = mkdtempSync(join(wished, 'plumb-'));
  if (folder.length + longestSocketName > socketPathMaxBytes) {
    throw new StackError(`the temporary folder ${folder} is too long for unix sockets`);
  }
  return folder;
}

/**
 * Holds a data folder for one command. The file names its owner, so the lock of a command that was killed is taken
 * over at once.
 */
export async function withLock<T>(data: string, command: string, work: () => Promise<T>): Promise<T> {
  const { lock } = layoutOf(data);
  mkdirSync(data, { recursive: true });
  takeLock(lock, command);
  try {
    return await work();
  } finally {
    rmSync(lock, { force: true });
  }
}

const lockTriesMax = 3;

function takeLock(lock: string, command: string): void {
  const me = identify(process.pid);
  for (let tries = 0; tries < lockTriesMax; tries++) {
    try {
      writeFileSync(lock, JSON.stringify({ ...me, command }), { flag: 'wx' });
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const holder = readHolder(lock);
    if (holder && isAlive(holder)) {
      throw new StackError(
        `tools/${holder.command} (pid ${holder.pid}) is at work on this stack; wait for its end`,
      );
    }
    rmSync(lock, { force: true });
  }
  throw new StackError(`cannot take ${lock}`);
}

function readHolder(lock: string): (Identity & { command: string }) | undefined {
  try {
    return JSON.parse(readFileSync(lock, 'utf8')) as Identity & { command: string };
  } catch {
    return undefined;
  }
}
