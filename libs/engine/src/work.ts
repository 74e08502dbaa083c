import { FENCE_QUEUE, HOME_QUEUE, resolvePlan } from '@plumbline/domain';
import type { HostName, Lane, LaneEntry, QueueName, Snapshot, Step } from '@plumbline/domain';
import { queueOfStep } from './admit.js';
import { definitionOf, standsFor } from './materialize.js';
import type { Rules } from './materialize.js';
import { nextMove } from './next.js';
import type { Move } from './next.js';
import type { RingOptions } from './ports.js';

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
  if (isCancelled(snapshot.lane, rules) && head.undoing === null)
    return { ...head, undoing: CANCELLED, tries: 0 };
  if (head.plan !== null || head.undoing !== null) return head;
  const why = refusedNow(head, snapshot, rules);
  if (why !== null) return { ...head, undoing: why };
  const plan = definitionOf(rules.catalog, head.kind).plan(head.params, snapshot.record);
  return { ...head, plan: resolvePlan(plan) };
}

/** What would refuse this intent if it came now, in words for the customer; null: nothing. */
export function refusedNow(head: LaneEntry, { record }: Snapshot, rules: Rules): string | null {
  const definition = definitionOf(rules.catalog, head.kind);
  if (!standsFor(definition.on, record)) return GONE;
  return definition.refuse(head.params, { record, regions: rules.regions })?.message ?? null;
}

/** True when the head brings its volume into being, has not, and a later intent ends it. */
export function isCancelled(lane: Lane | null, rules: Rules): boolean {
  const [head, ...later] = lane?.entries ?? [];
  if (head === undefined || head.committed !== null) return false;
  if (definitionOf(rules.catalog, head.kind).on !== 'absent') return false;
  return later.some((entry) => definitionOf(rules.catalog, entry.kind).cancels === true);
}

/** What is known of hypervisor hosts. */
export interface HostsKnown {
  /** True when no process of that host has lived for so long that its VMs cannot be asked any more. */
  isHostAway(host: HostName): boolean;
  /** True when that has been so for so long that what is to be built there is not waited for any more. */
  isHostGivenUp(host: HostName): boolean;
}

/** For those who look at no boots: whoever is rung in vain rings on, and the sweep knows better. */
const HOSTS_UNKNOWN: HostsKnown = { isHostAway: () => false, isHostGivenUp: () => false };

/**
 * True for a removal from a host that is away, of a thing that is gone too once its client is fenced. What is to be built
 * there waits for the host.
 */
export function isLost(move: Move, hosts: HostsKnown): boolean {
  if (move.do !== 'undo' && !(move.do === 'step' && move.step.mode === 'release')) return false;
  const { client, host }: Step = move.step;
  return client !== undefined && host !== undefined && hosts.isHostAway(host);
}

/**
 * True for what needs a host that has been given up, and has no client that could be fenced: it is not built, and nothing of
 * it has to be taken back, because no guest can write through it. What was grown there stays so, as ever.
 */
export function isGivenUp(move: Move, hosts: HostsKnown): boolean {
  if (move.do !== 'undo' && !(move.do === 'step' && move.step.mode === 'build')) return false;
  const { host } = move.step;
  return host !== undefined && hosts.isHostGivenUp(host) && !isLost(move, hosts);
}

/** What a ring says of the lane that this intent heads. */
export function ringOf({ account, kind }: LaneEntry, { catalog }: Rules): RingOptions {
  return { account, ahead: catalog.get(kind)?.ahead === true };
}

/** Where a move is made; null: any worker that is there already. */
export function queueOfMove(move: Move, hosts: HostsKnown): QueueName | null {
  if (move.do === 'fence' || isLost(move, hosts) || isGivenUp(move, hosts)) return FENCE_QUEUE;
  return move.do === 'step' || move.do === 'undo' ? queueOfStep(move.step) : null;
}

/** True when nobody can do anything about the lane but a worker of a host that is away: to ring for it is in vain. */
export function waitsForHost({ entries: [head] }: Lane, hosts: HostsKnown): boolean {
  return head !== undefined && head.plan !== null && waitsOn(nextMove(head), hosts);
}

/** The same, of a move. */
export function waitsOn(move: Move, hosts: HostsKnown): boolean {
  if ((move.do !== 'step' && move.do !== 'undo') || isLost(move, hosts) || isGivenUp(move, hosts))
    return false;
  return move.step.host !== undefined && hosts.isHostAway(move.step.host);
}

/** Where a lane is rung, as far as it tells by itself: a worker that finds otherwise rings on. */
export function queueOfLane({ entries: [head] }: Lane, hosts: HostsKnown): QueueName {
  return head === undefined || head.plan === null ? HOME_QUEUE : queueToRing(nextMove(head), hosts);
}

export function queueToRing(move: Move, hosts: HostsKnown = HOSTS_UNKNOWN): QueueName {
  return queueOfMove(move, hosts) ?? HOME_QUEUE;
}
