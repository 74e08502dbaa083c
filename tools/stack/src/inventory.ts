import { ApiClient } from './api.js';
import { regions } from './parts/ceph-conf.js';
import { vmNames, vmSockets } from './parts/vm.js';
import { readSecret, writeSecret } from './secrets.js';
import { vmHost } from './services.js';
import { saveState, type Stack } from './state.js';

/**
 * The account, its token and the VMs, made through the operators' API as an operator would. A token's secret is shown
 * once, so it is made again only when no file has it, or when the API no longer knows it.
 */
export async function registerInventory(stack: Stack): Promise<void> {
  const { state } = stack;
  const base = `http://127.0.0.1:${state.ports['api']!}`;
  const ops = new ApiClient(base, readSecret(stack, 'ops-token')!);
  const wanted = { name: 'demo', email: 'demo@plumbline.invalid' };
  const { account } = await ops.ask<{ account: { id: string } }>('POST', '/ops/v1/accounts', wanted);
  state.account = account.id;
  if (!(await tokenWorks(base, readSecret(stack, 'api-token')))) {
    const path = `/ops/v1/accounts/${account.id}/tokens`;
    const { secret } = await ops.ask<{ secret: string }>('POST', path, { name: 'demo' });
    writeSecret(stack, 'api-token', secret);
  }
  state.vms ??= {};
  for (const [index, name] of vmNames.entries()) {
    const socket = vmSockets(stack, name).monitor;
    const vm = { name, region: regions[0].slug, host: vmHost, account: account.id, socket };
    const answer = await ops.ask<{ vm: { id?: number } }>('PUT', `/ops/v1/vms/${index + 1}`, vm);
    state.vms[name] = answer.vm.id ?? index + 1;
  }
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
