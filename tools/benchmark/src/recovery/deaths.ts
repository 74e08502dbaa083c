/** A virtual machine that dies with a volume in it, and a registry that dies and comes back. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench } from '../bench.js';
import type { Customer } from '../target.js';
import { ended, recordOne } from './requests.js';

const vmProcess = 'vm-1';
const settleMaxMs = 60_000;
const lookEveryMs = 20;

/**
 * From a VM's death to its volume's deletion: gone for its customer, and its image out of the pool; a minute when that
 * did not come within one.
 */
export async function measureVmDeath({ target }: Bench): Promise<number> {
  const { token, vm } = target.owner;
  const client = target.clientOf({ token });
  const name = `dies-${randomUUID().slice(0, 8)}`;
  const body = { name, size_gigabytes: 1, region: target.region };
  const { volume } = await client.ask<{ volume: { id: string } }>('POST', '/v2/volumes', body);
  const path = `/v2/volumes/${volume.id}`;
  const act = async (type: 'attach' | 'detach') => {
    const asked = { type, droplet_id: vm, region: target.region };
    const { action } = await client.ask<{ action: { id: number } }>('POST', `${path}/actions`, asked);
    return await ended(client, action.id, settleMaxMs);
  };
  if (!(await act('attach'))) throw new Error('the volume could not be attached');
  await target.stack.kill(vmProcess);
  const died = performance.now();
  try {
    if (!(await act('detach'))) return settleMaxMs;
    await client.ask('DELETE', path);
    while (performance.now() - died < settleMaxMs) {
      if (!(await target.images()).includes(`volume-${volume.id}`)) return performance.now() - died;
      await sleep(lookEveryMs);
    }
    return settleMaxMs;
  } finally {
    await target.restore();
  }
}

/** From the start of Consul's process, after `kill -9`, to the first write that the API takes; the longest of several. */
export async function measureRegistryRestarts(
  { target }: Bench,
  { token }: Customer,
  rounds: number,
): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    await target.stack.kill('consul');
    const restoring = target.restore();
    const writtenAt = await firstWrite(() => recordOne(target, token));
    await restoring;
    times.push(writtenAt - Date.parse(target.stack.process('consul').startedAt));
    await target.idle();
  }
  return Math.max(...times);
}

async function firstWrite(record: () => Promise<unknown>): Promise<number> {
  const until = performance.now() + settleMaxMs;
  while (performance.now() < until) {
    const isWritten = await record().then(
      () => true,
      () => false,
    );
    if (isWritten) return Date.now();
    await sleep(lookEveryMs);
  }
  return settleMaxMs;
}
