import { runDemo } from './demo/index.js';
import { environmentOf } from './env.js';
import { StackError } from './errors.js';
import { isAlive } from './identity.js';
import { registerInventory } from './inventory.js';
import { layoutOf } from './paths.js';
import { seconds, type Progress } from './progress.js';
import { secretFile } from './secrets.js';
import { services } from './services.js';
import { startAll } from './start.js';
import { loadState, openStack, saveState, withLock, type Stack } from './state.js';
import { removeData } from './stop.js';

export interface UpOptions {
  data: string;
  ephemeral: boolean;
  apps: boolean;
  workers?: Readonly<Record<string, number>>;
  entries?: Readonly<Record<string, string>>;
}

/** Brings a stack up, or back up: what runs is left alone, what has died is started again. */
export async function bringUp(options: UpOptions, progress: Progress): Promise<Stack> {
  return withLock(options.data, 'up', async () => {
    const stack = openForStart(options, progress);
    const living = Object.values(stack.state.processes).filter((record) => isAlive(record));
    if (living.length > 0)
      progress.line(`Already up (${living.length} processes); starting what is missing.`);
    const how = await startAll(stack);
    const restarted = Object.keys(how).filter((name) => how[name] === 'restarted' && living.length > 0);
    if (restarted.length > 0) progress.line(`Restarted: ${restarted.join(', ')}.`);
    if (stack.state.apps) await progress.phase('inventory', () => registerInventory(stack));
    return stack;
  });
}

function openForStart({ data, ephemeral, apps, workers, entries }: UpOptions, progress: Progress): Stack {
  const known = loadState(data);
  if (known && known.ephemeral !== ephemeral) {
    const kind = known.ephemeral ? 'a throw-away stack (--ephemeral)' : 'a stack with data to keep';
    throw new StackError(
      `${data} holds ${kind}; end it with tools/down --purge --data ${data}, or give another --data`,
    );
  }
  if (known?.ephemeral && !Object.values(known.processes).some((record) => isAlive(record))) {
    removeData({ layout: layoutOf(data), state: known, progress });
  }
  const stack = openStack(data, { ephemeral }, progress);
  stack.state.apps ||= apps;
  for (const [app, count] of Object.entries(workers ?? {})) {
    if (!services.some((service) => service.app === app && service.scalable)) {
      throw new StackError(`${app} cannot run more than once`);
    }
    stack.state.workers[app] = count;
  }
  if (entries !== undefined) stack.state.entries = { ...entries };
  saveState(stack);
  return stack;
}

/** The command: everything up, the demo, and what to do next. False when the demo found sources apart. */
export async function up(
  options: UpOptions & { demo: boolean; flags: string },
  progress: Progress,
): Promise<boolean> {
  const began = Date.now();
  const stack = await bringUp(options, progress);
  let agreed = true;
  if (stack.state.apps && options.demo) {
    progress.line("\nA volume's life, each line read outside Plumbline:");
    agreed = await withLock(options.data, 'up', () => runDemo(stack));
  }
  const took = seconds(Date.now() - began);
  progress.line(
    stack.state.apps ? closingOf(stack, took, options.flags) : partsClosingOf(stack, took, options.flags),
  );
  return agreed;
}

function partsClosingOf({ state }: Stack, took: string, flags: string): string {
  const ports = ['redis', 'consul', 'postgres', 'ceph-mon'].map((name) => `${name} ${state.ports[name]}`);
  return `
The parts are up in ${took} (${ports.join(', ')}), without the apps.
  how to reach them   eval "$(./tools/env${flags})"
  stop                ./tools/down${flags}`;
}

function closingOf(stack: Stack, took: string, flags: string): string {
  const all = environmentOf(stack);
  const curl = 'curl -sH "Authorization: Bearer $PLUMBLINE_TOKEN" -H "Content-Type: application/json"';
  return `
Plumbline is up in ${took}.
  API         ${all['PLUMBLINE_URL']}/v2   (token in ${secretFile(stack, 'api-token')})
  operators   ${all['PLUMBLINE_OPS_URL']}/ops/v1   (token in ${secretFile(stack, 'ops-token')})
  dashboard   ${all['PLUMBLINE_DASHBOARD_URL']}   (user ${all['PLUMBLINE_DASHBOARD_USER']}, password in ${secretFile(stack, 'dashboard-password')})
Try, after  eval "$(./tools/env${flags})":
  ${curl} $PLUMBLINE_URL/v2/volumes -d '{"name":"first","size_gigabytes":1,"region":"nyc1"}'
  ${curl} $PLUMBLINE_URL/v2/volumes
  ${curl} $PLUMBLINE_URL/v2/volumes/actions -d '{"type":"attach","volume_name":"first","region":"nyc1","droplet_id":'$PLUMBLINE_VM'}'
Stop with  ./tools/down${flags}   (${stack.state.ephemeral ? 'nothing is kept' : 'the data stay; --purge removes them'})`;
}
