import { readFileSync, readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** Stops a process, all of it: until one of its threads has come to take the signal the others go on, and answer. */
export async function standStill(pid: number): Promise<void> {
  process.kill(pid, 'SIGSTOP');
  while (!isStopped(pid)) await sleep(1);
}

function isStopped(pid: number): boolean {
  const threads = `/proc/${pid}/task`;
  return readdirSync(threads).every((thread) =>
    /^State:\s*T/m.test(readFileSync(`${threads}/${thread}/status`, 'utf8')),
  );
}
