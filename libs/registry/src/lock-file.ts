import { mkdir, readFile, readlink, rename, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { isUuid, type BootId } from '@plumbline/domain';

/**
 * A note on this host of which boot a process of a name is, so that the next process of that name can prove its
 * predecessor dead and need not wait for its silence. A process is known by its number *and* its start time, because
 * numbers are used again; it is looked for only where it would be visible, on the same host and in the same namespace.
 * What proves nothing is left to silence.
 */
interface Lock {
  readonly boot: BootId;
  readonly pid: number;
  readonly startedAtTicks: string;
  readonly hostname: string;
  readonly hostBoot: string;
  readonly namespace: string;
}

export interface TakenLock {
  /** The boot of the process that had this name before, if it is proven to be dead. */
  readonly deadPredecessor: BootId | null;
  /** For a clean end: nothing of this boot is left to be fenced. */
  release(): Promise<void>;
}

export async function takeLock(by: { runDir: string; name: string; boot: BootId }): Promise<TakenLock> {
  await mkdir(by.runDir, { recursive: true });
  const file = join(by.runDir, `${encodeURIComponent(by.name)}.lock`);
  const own = await ownLock(by.boot);
  const before = await readLock(file);
  const deadPredecessor = before !== null && (await isProvenDead(before, own)) ? before.boot : null;
  const fresh = `${file}.${by.boot}`;
  await writeFile(fresh, JSON.stringify(own));
  await rename(fresh, file);
  const release = async (): Promise<void> => {
    if ((await readLock(file))?.boot === by.boot) await rm(file, { force: true });
  };
  return { deadPredecessor, release };
}

async function ownLock(boot: BootId): Promise<Lock> {
  return {
    boot,
    pid: process.pid,
    startedAtTicks: (await startOf(process.pid)) ?? '',
    hostname: hostname(),
    hostBoot: (await textOf('/proc/sys/kernel/random/boot_id')) ?? '',
    namespace: await readlink('/proc/self/ns/pid').catch(() => ''),
  };
}

async function isProvenDead(before: Lock, own: Lock): Promise<boolean> {
  if (before.hostname !== own.hostname || own.hostBoot === '' || before.hostBoot === '') return false;
  if (before.hostBoot !== own.hostBoot) return true; // The host itself has started anew since.
  if (before.namespace !== own.namespace || own.namespace === '' || own.startedAtTicks === '') return false;
  const startedAtTicks = await startOf(before.pid);
  // Where the kernel hides other users' processes there is nothing to read of a living one.
  return startedAtTicks === null ? !exists(before.pid) : startedAtTicks !== before.startedAtTicks;
}

function exists(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

const START_TIME_FIELD = 22;

/** When the process started, in the kernel's ticks; null when there is none of that number to be seen. */
async function startOf(pid: number): Promise<string | null> {
  const stat = await textOf(`/proc/${pid}/stat`);
  if (stat === null) return null;
  // The second field is the program's name in parentheses, which may itself hold spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const FIRST_FIELD = 3;
  if (fields[0] === 'Z') return 'ended, not yet collected';
  return fields[START_TIME_FIELD - FIRST_FIELD] ?? null;
}

async function readLock(file: string): Promise<Lock | null> {
  const text = await textOf(file);
  if (text === null) return null;
  try {
    const lock = JSON.parse(text) as Partial<Lock>;
    return typeof lock.boot === 'string' && isUuid(lock.boot) ? (lock as Lock) : null;
  } catch {
    return null; // Cut short by a crash: it proves nothing.
  }
}

function textOf(file: string): Promise<string | null> {
  return readFile(file, 'utf8').then(
    (text) => text.trim(),
    () => null,
  );
}
