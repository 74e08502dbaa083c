import { readdirSync, readFileSync } from 'node:fs';

/** Linux's own unit in /proc; it has been a hundredth of a second on every machine that Debian runs on. */
const tickMs = 10;

export interface NamedProcess {
  readonly name: string;
  readonly pid: number;
}

interface Stat {
  readonly parent: number;
  readonly ownTicks: number;
  /** Of children that have ended. */
  readonly endedTicks: number;
}

/** The name in the second field may hold spaces and brackets, so fields are counted from the last bracket. */
export function readStat(text: string): Stat {
  const fields = text
    .slice(text.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  const at = (index: number) => fields[index] ?? 0;
  return { parent: at(1), ownTicks: at(11) + at(12), endedTicks: at(13) + at(14) };
}

function statOf(pid: number): Stat | undefined {
  try {
    return readStat(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return undefined; // It has ended.
  }
}

/** A process with those that it started itself: PostgreSQL serves each connection in a process of its own. */
function familyOf(pid: number): number[] {
  const pids = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
  return [pid, ...pids.filter((each) => statOf(each)?.parent === pid)];
}

/** CPU that a process and its children have used so far. */
function cpuMsOf(pid: number): number {
  const root = statOf(pid);
  if (root === undefined) return 0;
  const children = familyOf(pid)
    .slice(1)
    .map((each) => statOf(each)?.ownTicks ?? 0);
  return tickMs * (root.ownTicks + root.endedTicks + children.reduce((sum, ticks) => sum + ticks, 0));
}

/** Takes the CPU of all from here on; the answer tells how much each has used since. */
export function watchCpu(processes: readonly NamedProcess[]): () => Record<string, number> {
  const before = processes.map(({ pid }) => cpuMsOf(pid));
  return () =>
    Object.fromEntries(processes.map(({ name, pid }, at) => [name, cpuMsOf(pid) - (before[at] ?? 0)]));
}

/**
 * Resident memory in MB. Processes of one family share much of it, which is counted once: their proportional parts are
 * summed, where the system lets us read them.
 */
export function memoryMbOf(pid: number): number {
  const family = familyOf(pid);
  const kib =
    family.length === 1
      ? kibIn(`/proc/${pid}/status`, 'VmRSS')
      : family.reduce((sum, each) => sum + kibIn(`/proc/${each}/smaps_rollup`, 'Pss'), 0);
  return (kib * 1024) / 1e6;
}

/** The most that a process has had resident so far, in MB. */
export function peakMbOf(pid: number): number {
  return (kibIn(`/proc/${pid}/status`, 'VmHWM') * 1024) / 1e6;
}

function kibIn(file: string, field: string): number {
  try {
    return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync(file, 'utf8'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}
