import { cephConf } from './parts/ceph-conf.js';
import { vmSockets } from './parts/vm.js';
import { readSecret } from './secrets.js';
import { dashboardUser } from './services.js';
import type { Stack } from './state.js';
import { regions } from './parts/ceph-conf.js';

/** Everything a person or a test needs to talk to a stack. What a stack of parts alone does not have is left out. */
export function environmentOf(stack: Stack): Record<string, string> {
  const { ports, vms = {} } = stack.state;
  const url = (port: string) => (ports[port] === undefined ? undefined : `http://127.0.0.1:${ports[port]}`);
  const api = stack.state.apps ? url('api') : undefined;
  const first = vmSockets(stack, 'vm-1');
  const second = vmSockets(stack, 'vm-2');
  const all: Record<string, string | undefined> = {
    PLUMBLINE_URL: api,
    PLUMBLINE_TOKEN: readSecret(stack, 'api-token'),
    PLUMBLINE_REGION: regions[0].slug,
    PLUMBLINE_POOL: regions[0].pool,
    PLUMBLINE_VM: vms['vm-1']?.toString(),
    PLUMBLINE_VM_2: vms['vm-2']?.toString(),
    PLUMBLINE_VM_SERIAL: first.serial,
    PLUMBLINE_VM_2_SERIAL: second.serial,
    PLUMBLINE_VM_MONITOR: first.monitor,
    PLUMBLINE_VM_2_MONITOR: second.monitor,
    PLUMBLINE_VM_TOOLS: first.tools,
    PLUMBLINE_VM_2_TOOLS: second.tools,
    PLUMBLINE_OPS_URL: api,
    PLUMBLINE_OPS_TOKEN: readSecret(stack, 'ops-token'),
    PLUMBLINE_DASHBOARD_URL: stack.state.apps ? url('dashboard') : undefined,
    PLUMBLINE_DASHBOARD_USER: dashboardUser,
    PLUMBLINE_DASHBOARD_PASSWORD: readSecret(stack, 'dashboard-password'),
    REDIS_URL: `redis://127.0.0.1:${ports['redis']}`,
    CONSUL_HTTP_ADDR: url('consul'),
    DATABASE_URL: readSecret(stack, 'database-url'),
    CEPH_CONF: cephConf(stack),
  };
  return Object.fromEntries(
    Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

/** One assignment a line, then one export: read by `eval` they reach child processes, read by eye they are plain. */
export function shellAssignments(environment: Readonly<Record<string, string>>): string {
  const names = Object.keys(environment);
  const lines = names.map((name) => `${name}=${shellQuote(environment[name]!)}\n`);
  return names.length === 0 ? '' : `${lines.join('')}export ${names.join(' ')}\n`;
}

/** Between single quotes the shell changes nothing; a single quote itself has to step outside. */
function shellQuote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
