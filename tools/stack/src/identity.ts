import { readdirSync, readFileSync } from 'node:fs';

/** Which process is meant: pids are used again, a pid with its start time and the machine's boot are not. */
export interface Identity {
  pid: number;
  started: string;
}

const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').slice(0, 8);

interface Stat {
  state: string;
  startTicks: string;
}

/** The name in the second field may hold spaces and brackets, so fields are counted from the last bracket. */
export function parseStat(text: string): Stat {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0] ?? '?', startTicks: fields[19] ?? '?' };
}

function statOf(pid: number): Stat | undefined {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return undefined;
  }
}

export function identify(pid: number): Identity {
  return { pid, started: `${bootId}/${statOf(pid)?.startTicks ?? '?'}` };
}

export type ProcessState = 'running' | 'paused' | 'dead';

/** A zombie is dead, and only waits for its parent to read how it ended. One with other threads holds its ports still. */
export function stateOf({ pid, started }: Identity): ProcessState {
  const stat = statOf(pid);
  if (!stat || started !== `${bootId}/${stat.startTicks}` || stat.state === 'X') return 'dead';
  if (stat.state === 'Z' && threadsOf(pid) <= 1) return 'dead';
  return stat.state === 'T' ? 'paused' : 'running';
}

function threadsOf(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/task`).length;
  } catch {
    return 0;
  }
}

export function isAlive(identity: Identity): boolean {
  return stateOf(identity) !== 'dead';
}

export function memoryMibOf(identity: Identity): number | null {
  if (!isAlive(identity)) return null;
  try {
    const kib = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${identity.pid}/status`, 'utf8'))?.[1];
    return kib ? Math.round(Number(kib) / 1024) : null;
  } catch {
    return null;
  }
}
