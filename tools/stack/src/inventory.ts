import { ApiClient } from './api.js';
import { regions } from './parts/ceph-conf.js';
import { socketsIn, vmNames } from './parts/vm.js';
import { readSecret, writeSecret } from './secrets.js';
import { vmHost } from './services.js';
import { saveState, type Stack } from './state.js';

interface Place {
  /** Address of the API. */
  base: string;
  opsToken: string;
  /** A customer's token from earlier, if any. */
  token: string | undefined;
  /** The folder of the VMs' sockets, as the qemu-worker sees it. */
  sockets: string;
}

interface Inventory {
  account: string;
  token: string;
  vms: Record<string, number>;
}

/**
 * The account, its token and the VMs, made through the operators' API as an operator would. A token's secret is shown
 * once, so it is made again only when there is none, or when the API no longer knows it.
 */
export async function makeInventory({ base, opsToken, token, sockets }: Place): Promise<Inventory> {
  const ops = new ApiClient(base, opsToken);
  const wanted = { name: 'demo', email: 'demo@plumbline.invalid' };
  const { account } = await ops.ask<{ account: { id: string } }>('POST', '/ops/v1/accounts', wanted);
  const known = (await tokenWorks(base, token)) ? token : undefined;
  const vms: Record<string, number> = {};
  for (const [index, name] of vmNames.entries()) {
    const socket = socketsIn(sockets, name).monitor;
    const vm = { name, region: regions[0].slug, host: vmHost, account: account.id, socket };
    const answer = await ops.ask<{ vm: { id?: number } }>('PUT', `/ops/v1/vms/${index + 1}`, vm);
    vms[name] = answer.vm.id ?? index + 1;
  }
  return { account: account.id, token: known ?? (await freshToken(ops, account.id)), vms };
}

async function freshToken(ops: ApiClient, account: string): Promise<string> {
  const path = `/ops/v1/accounts/${account}/tokens`;
  return (await ops.ask<{ secret: string }>('POST', path, { name: 'demo' })).secret;
}

/** The inventory of a stack on this machine, remembered with it. */
export async function registerInventory(stack: Stack): Promise<void> {
  const { state } = stack;
  const { account, token, vms } = await makeInventory({
    base: `http://127.0.0.1:${state.ports['api']!}`,
    opsToken: readSecret(stack, 'ops-token')!,
    token: readSecret(stack, 'api-token'),
    sockets: state.sockets,
  });
  if (token !== readSecret(stack, 'api-token')) writeSecret(stack, 'api-token', token);
  Object.assign(state, { account, vms });
  saveState(stack);
}

async function tokenWorks(base: string, token: string | undefined): Promise<boolean> {
  if (!token) return false;
  const answer = await fetch(`${base}/v2/account`, {
    headers: { authorization: `Bearer ${token}` },
    signal: AbortSignal.timeout(10_000),
  });
  await answer.arrayBuffer();
  return answer.status !== 401;
}
