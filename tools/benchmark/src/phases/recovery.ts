import type { Bench } from '../bench.js';
import { measureBacklog } from '../recovery/backlog.js';
import type { Backlog } from '../recovery/backlog.js';
import { measureRegistryRestarts, measureVmDeath } from '../recovery/deaths.js';
import type { RegistryRestart } from '../recovery/deaths.js';
import { measureFairness } from '../recovery/fairness.js';
import type { Fairness } from '../recovery/fairness.js';
import { measureTakeovers } from '../recovery/takeover.js';
import type { Takeovers } from '../recovery/takeover.js';

const restarts = 3;

/** What comes back, how soon, and what others notice of it. */
export interface RecoveryResult {
  readonly backlog: Backlog;
  readonly fairness: Fairness;
  readonly takeovers: Takeovers;
  /** From a VM's death to the deletion of its volume. */
  readonly vmDeathMs: number;
  readonly registry: RegistryRestart;
}

/** What is killed last disturbs nothing that is measured after it. */
export async function measureRecovery(bench: Bench): Promise<RecoveryResult> {
  const { target, progress } = bench;
  const customer = await target.newCustomer();
  const part = <T>(name: string, work: () => Promise<T>) => progress.phase(name, work, () => 'measured');
  const backlog = await part('backlog', () => measureBacklog(bench, customer));
  const fairness = await part('fairness', () => measureFairness(bench));
  const takeovers = await part('takeover', () => measureTakeovers(bench, customer));
  const registry = await part('registry', () => measureRegistryRestarts(bench, customer, restarts));
  const vmDeathMs = await part('vm death', () => measureVmDeath(bench));
  return { backlog, fairness, takeovers, vmDeathMs, registry };
}
