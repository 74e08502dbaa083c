/** A virtual machine that dies with a volume in it, and a registry that dies and comes back. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench } from '../bench.js';
import type { Customer, Target } from '../target.js';
import { ended, recordOne } from './requests.js';

const vmProcess = 'vm-1';
const settleMaxMs = 60_000;
const lookEveryMs = 20;
const bareWriteMaxMs = 5_000;

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

/** From the start of Consul's process, after `kill -9`, to the first write. */
export interface RegistryRestart {
  /** That the API takes. */
  readonly writtenMs: number;
  /** That Consul itself takes, asked beside. */
  readonly bareMs: number;
}

/** The longest of several. */
export async function measureRegistryRestarts(
  { target }: Bench,
  { token }: Customer,
  rounds: number,
): Promise<RegistryRestart> {
  let longest: RegistryRestart = { writtenMs: 0, bareMs: 0 };
  for (let round = 0; round < rounds; round++) {
    await target.stack.kill('consul');
    const restoring = target.restore();
    const [writtenAt, bareAt] = await Promise.all([
      firstWrite(() => recordOne(target, token)),
      firstWrite(() => writeBare(target)),
    ]);
    await restoring;
    const startedAt = Date.parse(target.stack.process('consul').startedAt);
    const restart = { writtenMs: writtenAt - startedAt, bareMs: bareAt - startedAt };
    if (restart.writtenMs > longest.writtenMs) longest = restart;
    await target.idle();
  }
  return longest;
}

async function writeBare({ consul }: Target): Promise<void> {
  const signal = AbortSignal.timeout(bareWriteMaxMs);
  const answer = await fetch(`${consul}/v1/kv/bench-restart`, { method: 'PUT', body: 'x', signal });
  await answer.arrayBuffer();
  if (!answer.ok) throw new Error(`Consul answered ${answer.status}`);
}

/** When it was taken; if it never was, when that was given up. */
export async function firstWrite(
  write: () => Promise<unknown>,
  withinMs: number = settleMaxMs,
): Promise<number> {
  const until = performance.now() + withinMs;
  while (performance.now() < until) {
    const isWritten = await write().then(
      () => true,
      () => false,
    );
    if (isWritten) break;
    await sleep(lookEveryMs);
  }
  return Date.now();
}
