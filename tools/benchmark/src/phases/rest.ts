import { setTimeout as sleep } from 'node:timers/promises';
import { waitFor } from '@plumbline/stack';
import { memoryMbOf, watchCpu } from '../measure/processes.js';
import type { Target } from '../target.js';

const askEveryMs = 10;
const readyMaxMs = 60_000;

export interface Rest {
  /** Resident, in units of a million bytes. */
  readonly memoryMb: Readonly<Record<string, number>>;
  /** What each process uses while nobody asks for anything. */
  readonly cpuMsPerSecond: Readonly<Record<string, number>>;
}

/** How the system is while nobody asks it for anything. */
export async function measureRest({ processes }: Target, seconds: number): Promise<Rest> {
  const cpuSince = watchCpu(processes);
  await sleep(seconds * 1_000);
  const perSecond = Object.entries(cpuSince()).map(([name, ms]) => [name, ms / seconds]);
  return {
    memoryMb: Object.fromEntries(processes.map(({ name, pid }) => [name, memoryMbOf(pid)])),
    cpuMsPerSecond: Object.fromEntries(perSecond) as Record<string, number>,
  };
}

/** From the start of each app's process until `/readyz` says yes, one app after another. */
export async function measureStarts(target: Target): Promise<Record<string, number>> {
  const times: Record<string, number> = {};
  for (const name of target.appNames) times[name] = await startMsOf(target, name);
  return times;
}

async function startMsOf(target: Target, name: string): Promise<number> {
  const { stack } = target;
  const before = stack.process(name).startedAt;
  await stack.halt(name);
  const port = stack.stack.state.ports[`health ${name}`] ?? 0;
  const ready = waitFor(
    async () => {
      if (stack.process(name).startedAt === before) return undefined;
      const answer = await fetch(`http://127.0.0.1:${port}/readyz`);
      await answer.arrayBuffer();
      return answer.ok ? Date.now() : undefined;
    },
    { what: `${name} to be ready`, deadlineMs: readyMaxMs, everyMs: askEveryMs },
  );
  const [readyAt] = await Promise.all([ready, target.restore()]);
  return readyAt - Date.parse(stack.process(name).startedAt);
}
