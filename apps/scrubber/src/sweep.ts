import { queueOf, workQueuesOf } from '@plumbline/domain';
import type { AccountId, Lane, ResourceName } from '@plumbline/domain';
import { queueOfLane, waitsForHost } from '@plumbline/engine';
import type { HostsKnown } from '@plumbline/engine';
import { intentCatalog } from '@plumbline/intents';
import { clearPlaces, sweepLanes, takenPlaces } from '@plumbline/queue';
import type { SweepResult, SweptLane } from '@plumbline/queue';
import { allLanes } from '@plumbline/registry';
import type { PendingWork } from '@plumbline/registry';
import type { Process } from '@plumbline/worker';
import type { ParkedCount } from './parked.js';

/** Facts that one volume may owe to billing before no more is done to it. */
const OWED_MAX = 1000;

/**
 * Rings whatever stands still, so that nothing depends on a ring that was lost: lanes by their own intervals, and what is
 * owed to billing at every sweep. Counts what waits, for those who admit more. @throws when registry or Redis cannot be asked
 */
export async function sweep(
  { registry, redis, bell, config }: Process,
  by: {
    readonly wasAway: boolean;
    readonly parked: ParkedCount;
    readonly pending: PendingWork;
    readonly hosts: HostsKnown;
  },
): Promise<SweepResult> {
  const taken = await takenPlaces(redis, workQueuesOf(config.regions));
  const lanes = new Map<ResourceName, SweptLane & { readonly isPlanned: boolean }>();
  const waiting: Lane[] = [];
  const accounts = new Map<AccountId, number>();
  for await (const { lane, index } of allLanes(registry)) {
    const [head] = lane.entries;
    if (head === undefined) continue;
    const { resource, account } = lane;
    accounts.set(account, (accounts.get(account) ?? 0) + lane.entries.length);
    if (head.parked !== null) waiting.push(lane);
    // Whoever waits for a host that is away is rung when somebody lives there again.
    const isParked = head.parked !== null || waitsForHost(lane, by.hosts);
    const isAhead = intentCatalog.get(head.kind)?.ahead === true;
    const isPlanned = head.plan !== null;
    const queue = queueOfLane(lane, by.hosts);
    lanes.set(resource, { resource, account, queue, index, isParked, isAhead, isPlanned });
  }
  by.parked.show(waiting);
  const { kv, layout } = registry;
  const owed = await kv.keys(layout.owedTo('billing'));
  await by.pending.publish({
    at: registry.boots.registryNow(),
    accounts,
    owedFull: fullOf(owed, layout.owedTo('billing')),
  });
  if (owed.length > 0) bell.drain(queueOf('billing'));
  await clearPlaces(taken, {
    bell,
    needsPlace({ queue, resource }) {
      const lane = lanes.get(resource);
      return lane !== undefined && !lane.isParked && (!lane.isPlanned || lane.queue === queue);
    },
  });
  return await sweepLanes([...lanes.values()], { redis, bell, wasAway: by.wasAway });
}

/** Resources with more than their bound under `owed/<source>/<resource>/<intent>`. */
function fullOf(keys: readonly string[], prefix: string): readonly ResourceName[] {
  const counts = new Map<string, number>();
  for (const key of keys) {
    const resource = key.slice(prefix.length, key.lastIndexOf('/'));
    counts.set(resource, (counts.get(resource) ?? 0) + 1);
  }
  const full = [...counts].filter(([, count]) => count > OWED_MAX);
  return full.map(([resource]) => resource as ResourceName);
}
