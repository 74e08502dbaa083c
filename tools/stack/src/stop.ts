import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { isAlive } from './identity.js';
import { cleanEnd } from './parts/ceph.js';
import { stopProcess, type StopWay } from './processes.js';
import { saveState, type Stack } from './state.js';

/** Who needs whom decides the order: within a rank all end at the same time. */
const ranks: readonly (readonly string[])[] = [
  ['api'],
  ['ceph-worker', 'qemu-worker', 'billing-worker', 'scrubber'],
  ['qemu'],
  ['ceph-mgr', 'redis', 'postgres', 'consul'],
  ['ceph-osd'],
  ['ceph-mon'],
];

/** Apps may use this long to finish, or hand back, what they have in hand. */
const appGraceMs = 15_000;

function wayOf(app: string): StopWay {
  // PostgreSQL's SIGTERM waits for its clients to leave; SIGINT cuts them off and writes everything down.
  if (app === 'postgres') return { signal: 'SIGINT' };
  return ranks[0]!.includes(app) || ranks[1]!.includes(app) ? { graceMs: appGraceMs } : {};
}

export async function stopOne(stack: Stack, name: string): Promise<void> {
  const app = stack.state.processes[name]?.app;
  if (app === undefined) return;
  const how = await stopProcess(stack, name, wayOf(app));
  if (app === 'ceph-osd' && how === 'ended') writeFileSync(cleanEnd(stack), '');
}

/** Ends everything that this stack started, and nothing else. Returns how many processes that were. */
export async function endProcesses(stack: Stack): Promise<number> {
  const living = Object.values(stack.state.processes).filter((record) => isAlive(record));
  const known = new Set(ranks.flat());
  const strangers = [...new Set(living.map(({ app }) => app))].filter((app) => !known.has(app));
  for (const rank of [strangers, ...ranks]) {
    await Promise.all(living.filter(({ app }) => rank.includes(app)).map(({ name }) => stopOne(stack, name)));
  }
  return living.length;
}

/** The same, and forgets what ran. */
export async function stopAll(stack: Stack): Promise<number> {
  const { state } = stack;
  const ended = await endProcesses(stack);
  if (!state.ephemeral) {
    // A kept stack remembers what ran, so that a new start can tell "started" from "restarted".
    state.processes = {};
    saveState(stack);
  }
  rmSync(state.sockets, { recursive: true, force: true });
  return ended;
}

/** Removes what `up` made. Only a folder with a stack's state in it gets here. */
export function removeData(stack: Stack): void {
  const { layout, state } = stack;
  if (!existsSync(layout.state)) return;
  if (state.postgresDir) rmSync(state.postgresDir, { recursive: true, force: true });
  rmSync(state.sockets, { recursive: true, force: true });
  rmSync(layout.data, { recursive: true, force: true });
}
