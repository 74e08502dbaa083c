import { HOME_QUEUE, resolvePlan } from '@plumbline/domain';
import type { Lane, LaneEntry, QueueName, Snapshot } from '@plumbline/domain';
import { queueOfStep } from './admit.js';
import { definitionOf } from './materialize.js';
import type { Rules } from './materialize.js';
import { nextMove } from './next.js';
import type { Move } from './next.js';

/** Why the customer sees an action errored that never began. */
const GONE = 'The volume is not there any more.';
const CANCELLED = 'Deleted before it was finished.';

/**
 * The head as a worker has to see it, judged anew from record and lane: planned if it was not, refused if the world has
 * changed since it was admitted, turned round if a later intent cancels it. Pure; written with the attempt.
 */
export function headToWork(snapshot: Snapshot, rules: Rules): LaneEntry | null {
  const head = snapshot.lane?.entries[0];
  if (head === undefined || head.parked !== null) return head ?? null;
  if (isCancelled(snapshot.lane, rules)) return { ...head, undoing: head.undoing ?? CANCELLED };
  if (head.plan !== null || head.undoing !== null) return head;
  const why = refusedNow(head, snapshot, rules);
  if (why !== null) return { ...head, undoing: why };
  const plan = definitionOf(rules.catalog, head.kind).plan(head.params, snapshot.record);
  return { ...head, plan: resolvePlan(plan) };
}

/** What would refuse this intent if it came now, in words for the customer; null: nothing. */
export function refusedNow(head: LaneEntry, { record }: Snapshot, rules: Rules): string | null {
  const definition = definitionOf(rules.catalog, head.kind);
  if ((record === null) !== (definition.on === 'absent')) return GONE;
  return definition.refuse(head.params, { record, regions: rules.regions })?.message ?? null;
}

/** True when the head brings its volume into being, has not, and a later intent ends it. */
export function isCancelled(lane: Lane | null, rules: Rules): boolean {
  const [head, ...later] = lane?.entries ?? [];
  if (head === undefined || head.committed !== null) return false;
  if (definitionOf(rules.catalog, head.kind).on !== 'absent') return false;
  return later.some((entry) => definitionOf(rules.catalog, entry.kind).cancels === true);
}

/** Where a move is made; null: any worker that is there already. */
export function queueOfMove(move: Move): QueueName | null {
  return move.do === 'step' || move.do === 'undo' ? queueOfStep(move.step) : null;
}

/** Where a lane is rung, as far as it tells by itself: a worker that finds otherwise rings on. */
export function queueOfLane({ entries: [head] }: Lane): QueueName {
  return head === undefined || head.plan === null ? HOME_QUEUE : queueToRing(nextMove(head));
}

export function queueToRing(move: Move): QueueName {
  return queueOfMove(move) ?? HOME_QUEUE;
}
