import { memoryMibOf, stateOf } from './identity.js';
import { isReady, healthPortName } from './parts/apps.js';
import { poolServes } from './parts/ceph.js';
import { pools } from './parts/ceph-conf.js';
import { consulHasLeader } from './parts/consul.js';
import { redisAnswers } from './parts/redis.js';
import { vmSockets, vmNames } from './parts/vm.js';
import { askQemu } from './outside/qemu.js';
import { consulKeys } from './outside/consul.js';
import { query } from './outside/postgres.js';
import type { Progress } from './progress.js';
import { readSecret } from './secrets.js';
import { registryPrefix } from './services.js';
import { appNames, expectedProcesses } from './start.js';
import type { Stack } from './state.js';

export type Health = 'ready' | 'not ready' | 'paused' | 'dead';

export interface ProcessStatus {
  name: string;
  app: string;
  pid: number | null;
  state: Health;
  port: number | null;
  memoryMib: number | null;
  version: string;
}

/** How every process of the stack is, by asking each the smallest question that proves it works. */
export async function statusOf(stack: Stack): Promise<ProcessStatus[]> {
  return Promise.all(
    expectedProcesses(stack).map(async (name) => {
      const record = stack.state.processes[name];
      if (!record)
        return {
          name,
          app: name,
          pid: null,
          state: 'dead' as const,
          port: null,
          memoryMib: null,
          version: '',
        };
      const { app, pid, port, version } = record;
      return {
        name,
        app,
        pid,
        state: await healthOf(stack, name),
        port,
        memoryMib: memoryMibOf(record),
        version,
      };
    }),
  );
}

async function healthOf(stack: Stack, name: string): Promise<Health> {
  const state = stateOf(stack.state.processes[name]!);
  if (state !== 'running') return state;
  return (await works(stack, name).catch(() => false)) ? 'ready' : 'not ready';
}

async function works(stack: Stack, name: string): Promise<boolean> {
  const { ports } = stack.state;
  if (name === 'redis') return redisAnswers(ports['redis']!);
  if (name === 'consul') return consulHasLeader(stack);
  if (name === 'postgres')
    return query(readSecret(stack, 'database-url-reader')!, 'SELECT 1').then(() => true);
  if (name === 'ceph-osd') return poolServes(stack, pools[0]!);
  const vm = vmNames.find((vmName) => vmName === name);
  if (vm) return askQemu(vmSockets(stack, vm).tools, 'query-status', undefined, 2_000).then(() => true);
  return appNames(stack).includes(name) ? isReady(ports[healthPortName(name)]!) : true;
}

/** Prints the table, or JSON; the answer tells whether all is well. */
export async function status(stack: Stack | undefined, json: boolean, progress: Progress): Promise<boolean> {
  const processes = stack ? await statusOf(stack) : [];
  const halted = stack !== undefined && (await isHalted(stack));
  const bad = processes.filter(({ state }) => state !== 'ready');
  if (json) {
    progress.line(JSON.stringify({ processes, halted }));
  } else {
    for (const line of tableOf(processes)) progress.line(line);
    if (halted) progress.line('HALTED: the registry was set back. What to do: docs/operating/rewound.md');
    progress.line(verdictOf(processes.length, bad));
  }
  return processes.length > 0 && bad.length === 0 && !halted;
}

/** A Consul that cannot be asked shows in the table. */
async function isHalted({ state }: Stack): Promise<boolean> {
  const address = `http://127.0.0.1:${state.ports['consul']}`;
  const keys = await consulKeys(address, `${registryPrefix}halt`).catch(() => []);
  return keys.length > 0;
}

function verdictOf(count: number, bad: readonly ProcessStatus[]): string {
  if (count === 0) return 'Nothing runs here. Start with ./tools/up';
  if (bad.length === 0) return `All ${count} processes are well.`;
  return `${bad.length} of ${count} are not well: ${bad.map(({ name }) => name).join(', ')}. ./tools/up starts what died; ./tools/logs NAME tells why.`;
}

function tableOf(processes: readonly ProcessStatus[]): string[] {
  if (processes.length === 0) return [];
  const text = (value: string | number | null) => (value === null ? '-' : String(value));
  const row = (cells: readonly string[]) =>
    [
      cells[0]!.padEnd(18),
      cells[1]!.padEnd(10),
      ...cells.slice(2, 5).map((cell) => cell.padStart(8)),
      ` ${cells[5]}`,
    ].join(' ');
  return [
    row(['NAME', 'STATE', 'PID', 'PORT', 'MIB', 'VERSION']),
    ...processes.map((each) =>
      row([each.name, each.state, text(each.pid), text(each.port), text(each.memoryMib), each.version]),
    ),
  ];
}
