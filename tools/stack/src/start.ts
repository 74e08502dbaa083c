import { isAlive } from './identity.js';
import { startApp, healthPortName, launchApp, launchTwin } from './parts/apps.js';
import { startCeph } from './parts/ceph.js';
import { consulPorts, startConsul } from './parts/consul.js';
import { startPostgres } from './parts/postgres.js';
import { startRedis } from './parts/redis.js';
import { startVm, vmNames } from './parts/vm.js';
import { StackError } from './errors.js';
import { numberOf } from './paths.js';
import { choosePorts } from './ports.js';
import type { Started } from './processes.js';
import { ensureSecret } from './secrets.js';
import { countOf, processNames, services } from './services.js';
import { saveState, type PartName, type Stack } from './state.js';
import { endProcesses } from './stop.js';

/** Every process that a whole stack has, in the order in which people read them. */
export function expectedProcesses(stack: Stack): string[] {
  const { part } = stack.state;
  if (part) return [...processesOf[part]];
  const parts = ['redis', 'consul', 'postgres', ...processesOf.ceph, ...processesOf.hypervisor];
  return stack.state.apps ? [...parts, ...appNames(stack)] : parts;
}

const processesOf: Readonly<Record<PartName, readonly string[]>> = {
  consul: ['consul'],
  ceph: ['ceph-mon', 'ceph-osd', 'ceph-mgr'],
  hypervisor: vmNames,
};

export function appNames(stack: Stack): string[] {
  return services.flatMap((service) => processNames(service, countOf(stack, service)));
}

/** Parts whose addresses others are given. */
const known = ['redis', 'consul', 'postgres', 'ceph-mon'];

/** Gives every process its ports. When a stranger has taken that of a part, all are ended, to start at the new one. */
export async function assignPorts(stack: Stack): Promise<void> {
  const { state, layout } = stack;
  const alive = Object.values(state.processes).filter((record) => isAlive(record));
  const heldNames = new Set(alive.flatMap(({ name }) => portNamesOf(name)));
  const held = new Set(
    Object.entries(state.ports).flatMap(([name, port]) => (heldNames.has(name) ? [port] : [])),
  );
  const names = [...['redis', 'consul', 'postgres', 'ceph-mon', ...vmNames].flatMap(portNamesOf)];
  if (state.apps) names.push(...appNames(stack).flatMap(portNamesOf));
  const chosen = await choosePorts({ names, remembered: state.ports, held, start: numberOf(layout.data) });
  // Who runs was told where the parts are when it started.
  const hasMoved = alive.length > 0 && known.some((name) => state.ports[name] !== chosen[name]);
  if (hasMoved) await endProcesses(stack);
  state.ports = { ...state.ports, ...chosen };
  saveState(stack);
}

/** Gives one process more its ports; those of all others stay. */
export async function assignPortsTo(stack: Stack, name: string): Promise<void> {
  const { state, layout } = stack;
  const names = portNamesOf(name);
  const held = new Set(Object.values(state.ports));
  const chosen = await choosePorts({ names, remembered: state.ports, held, start: numberOf(layout.data) });
  state.ports = { ...state.ports, ...chosen };
  saveState(stack);
}

/** The ports that a process listens on, by the names under which they are remembered. */
function portNamesOf(name: string): string[] {
  if (name === 'consul') return [...consulPorts];
  if (name === 'redis' || name === 'postgres' || name === 'ceph-mon') return [name];
  const service = services.find(({ app }) => name === app || name.startsWith(`${app}-`));
  return service ? [healthPortName(name), ...Object.values(service.ports)] : [];
}

/** Starts what is not running: all parts at once, the apps as soon as those are ready. No app waits for a guest to boot. */
export async function startAll(stack: Stack): Promise<Record<string, Started>> {
  await assignPorts(stack);
  for (const name of ['ops-token', 'dashboard-password'] as const) ensureSecret(stack, name);
  const how: Record<string, Started> = {};
  const start = async (name: string, work: () => Promise<Started>) => {
    how[name] = await stack.progress.phase(name, work, (started) => started);
  };
  const partsThenApps = async () => {
    await settleAll([
      start('redis', () => startRedis(stack)),
      start('consul', () => startConsul(stack)),
      start('postgres', () => startPostgres(stack)),
      start('ceph', () => startCeph(stack)),
    ]);
    if (!stack.state.apps) return;
    const each = services.flatMap((service) =>
      processNames(service, countOf(stack, service)).map((name) => ({ service, name })),
    );
    await settleAll(each.map(({ service, name }) => start(name, () => startApp(stack, service, name))));
  };
  await settleAll([partsThenApps(), ...vmNames.map((name) => start(name, () => startVm(stack, name)))]);
  return how;
}

/** Starts one process again. A part is waited for until it serves; an app is not, because a part that it needs may be away. */
export async function startOne(stack: Stack, name: string): Promise<void> {
  const service = serviceOf(stack, name);
  if (service !== undefined) return launchApp(stack, service, name);
  const vm = vmNames.find((each) => each === name);
  if (vm !== undefined) await startVm(stack, vm);
  else if (name === 'redis') await startRedis(stack);
  else if (name === 'consul') await startConsul(stack);
  else if (name === 'postgres') await startPostgres(stack);
  else if (processesOf.ceph.includes(name)) await startCeph(stack);
  else throw new StackError(`this stack has no process ${name}`);
}

/** Starts a second process of one name, which is called otherwise among the stack's processes only. */
export async function startTwin(stack: Stack, name: string): Promise<string> {
  const service = serviceOf(stack, name);
  if (service === undefined) throw new StackError(`this stack has no app ${name}`);
  const as = `${name}~twin`;
  const names = Array.from({ length: 1 + Object.keys(service.ports).length }, (_, n) => `${as} ${n}`);
  const { state, layout } = stack;
  const held = new Set(Object.values(state.ports));
  const chosen = await choosePorts({ names, remembered: {}, held, start: numberOf(layout.data) });
  launchTwin(stack, service, { name, as, ports: Object.values(chosen) });
  return as;
}

function serviceOf(stack: Stack, name: string) {
  return services.find((service) => processNames(service, countOf(stack, service)).includes(name));
}

/** Lets every start end, so that nothing goes on behind an error, then throws the first one. */
async function settleAll(starts: readonly Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(starts);
  const failed = results.find((result) => result.status === 'rejected');
  if (failed) throw failed.reason as Error;
}
