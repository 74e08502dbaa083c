/** One part in the foreground, as a container runs it: with the code that starts it in a stack, at an address of its own. */
import { spawn, type ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { StackError } from './errors.js';
import { isAlive } from './identity.js';
import { obtainConsul } from './obtain/consul.js';
import { obtainGuest } from './obtain/guest.js';
import { shareAccess, startCeph } from './parts/ceph.js';
import { startConsul } from './parts/consul.js';
import { startVm, vmNames } from './parts/vm.js';
import { logFile } from './processes.js';
import type { Progress } from './progress.js';
import { usualPorts } from './services.js';
import { openStack, partNames, saveState, type PartName, type Stack } from './state.js';
import { stopAll } from './stop.js';

export interface PartWish {
  data: string;
  address?: string | undefined;
  sockets?: string | undefined;
  /** Where a Ceph puts the product's keys. */
  access?: string | undefined;
}

const starts: Readonly<Record<PartName, (stack: Stack, wish: PartWish) => Promise<unknown>>> = {
  consul: startConsul,
  async ceph(stack, { access }) {
    await startCeph(stack);
    if (access) shareAccess(stack, access);
  },
  hypervisor: (stack) => Promise.all(vmNames.map((name) => startVm(stack, name))),
};

const lookEveryMs = 500;

/** Runs until a signal ends it in order, true, or until one of its processes dies, false: then all are ended. */
export async function runPart(
  word: string | undefined,
  wish: PartWish,
  progress: Progress,
): Promise<boolean> {
  const part = partNames.find((name) => name === word);
  if (!part) throw new StackError(`say which part: ${partNames.join(', ')}`);
  const stack = openStack(wish.data, { ephemeral: false, sockets: wish.sockets }, progress);
  const { state } = stack;
  Object.assign(state, { part, ports: { ...usualPorts } }, wish.address ? { address: wish.address } : {});
  saveState(stack);
  let ended = false;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => (ended = true));
  const dead = () => Object.values(state.processes).find((record) => !isAlive(record));
  try {
    await progress.phase(part, () => starts[part](stack, wish));
    const tail = followLogs(stack);
    while (!ended && !dead()) await sleep(lookEveryMs);
    if (!ended) progress.line(`${dead()?.name} has died; ending the others.`);
    tail.kill();
    return ended;
  } finally {
    await stopAll(stack);
  }
}

/** The processes write to files; a container's log is what its first process prints. */
function followLogs(stack: Stack): ChildProcess {
  const files = Object.keys(stack.state.processes).map((name) => logFile(stack, name));
  return spawn('tail', ['-q', '-n', '0', '-F', ...files], { stdio: ['ignore', 'inherit', 'inherit'] });
}

/** Fetches what is no package of this Debian, so that an image has it. */
export async function obtain(what: string | undefined): Promise<string> {
  if (what === 'consul') return obtainConsul();
  if (what === 'guest') return (await obtainGuest()).kernel;
  throw new StackError('say what to obtain: consul or guest');
}
