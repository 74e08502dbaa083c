import { queueOf } from '@plumbline/domain';
import type { Journal } from '@plumbline/domain';
import { headToWork, nextMove, queueToRing } from '@plumbline/engine';
import type { Rules } from '@plumbline/engine';
import { sweepLanes } from '@plumbline/queue';
import type { SweepResult, SweptLane } from '@plumbline/queue';
import { allLanes } from '@plumbline/registry';
import type { Process } from '@plumbline/worker';

/**
 * Rings whatever stands still, so that nothing depends on a ring that was lost: lanes by their own intervals, and what is
 * owed to billing at every sweep. @throws when registry or Redis cannot be asked
 */
export async function sweep(process: Process, rules: Rules): Promise<SweepResult> {
  const { registry, redis, bell, journal } = process;
  const lanes: SweptLane[] = [];
  for await (const { lane, index } of allLanes(registry)) {
    const [head] = lane.entries;
    if (head === undefined) continue;
    const queue = await queueOfHead(lane.resource, journal, rules);
    lanes.push({ resource: lane.resource, queue, index, isParked: head.parked !== null });
  }
  const result = await sweepLanes(lanes, { redis, bell });
  const owed = await registry.kv.keys(registry.layout.owedTo('billing'));
  if (owed.length > 0) bell.drain(queueOf('billing'));
  return result;
}

async function queueOfHead(
  resource: SweptLane['resource'],
  journal: Journal,
  rules: Rules,
): Promise<SweptLane['queue']> {
  const head = headToWork(await journal.read(resource), rules);
  return queueToRing(head === null ? { do: 'nothing' } : nextMove(head));
}
