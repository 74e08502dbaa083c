import { queueOf } from '@plumbline/domain';
import type { Lane } from '@plumbline/domain';
import { queueOfLane } from '@plumbline/engine';
import type { HostsKnown } from '@plumbline/engine';
import { sweepLanes } from '@plumbline/queue';
import type { SweepResult, SweptLane } from '@plumbline/queue';
import { allLanes } from '@plumbline/registry';
import type { Process } from '@plumbline/worker';
import type { ParkedCount } from './parked.js';

/**
 * Rings whatever stands still, so that nothing depends on a ring that was lost: lanes by their own intervals, and what is
 * owed to billing at every sweep. @throws when registry or Redis cannot be asked
 */
export async function sweep(
  { registry, redis, bell }: Process,
  { wasAway, parked, hosts }: { wasAway: boolean; parked: ParkedCount; hosts: HostsKnown },
): Promise<SweepResult> {
  const lanes: SweptLane[] = [];
  const waiting: Lane[] = [];
  for await (const { lane, index } of allLanes(registry)) {
    const [head] = lane.entries;
    if (head === undefined) continue;
    const isParked = head.parked !== null;
    if (isParked) waiting.push(lane);
    lanes.push({ resource: lane.resource, queue: queueOfLane(lane, hosts), index, isParked });
  }
  parked.show(waiting);
  const result = await sweepLanes(lanes, { redis, bell, wasAway });
  const owed = await registry.kv.keys(registry.layout.owedTo('billing'));
  if (owed.length > 0) bell.drain(queueOf('billing'));
  return result;
}
