import { Refusal, backoffMs } from '@plumbline/domain';
import type { AccountId, LaneEntry, ResourceName, Snapshot } from '@plumbline/domain';
import { carryTurn } from './carry.js';
import type { TurnEnd } from './carry.js';
import { withDeadline } from './deadline.js';
import { deltaBetween } from './footprint.js';
import { intentFields } from './intent-fields.js';
import { UnknownKindError, checkKinds } from './materialize.js';
import { nextMove, stepStateOf } from './next.js';
import type { Move } from './next.js';
import { tellParked } from './park.js';
import { WAITED_MAX_MS } from './patience.js';
import type { WorkerContext } from './ports.js';
import { Turn } from './turn.js';
import { headToWork, queueOfMove, ringOf, waitsOn } from './work.js';

/** Intents of one lane that one job goes on with before it rings for the rest. */
const INTENTS_PER_JOB_MAX = 16;
/** Between two looks at a lane that the registry would not let be read or written: a second, on average. */
const AWAY_BASE_MS = 500;
const AWAY_CAP_MS = 2000;
/** A little more than the interval at which boots are looked at. */
const DOUBTFUL_BOOT_MS = 2500;
/** A ring that comes so little before a try's time is set anew: the clocks that it was set by differ. */
const EARLY_MS = 1000;
/** About an hour of them, after which the boot ends and with it whatever it could not give back. */
const AWAY_LOOKS_MAX = 3600;
/** Looks at one lane in one job, for whatever reason; the rest is rung for. */
const LOOKS_MAX = 2 * AWAY_LOOKS_MAX;

/** How a job ends: nothing more to do here, or the queue is to slow down. */
export type AdvanceEnd = { readonly throttledMs: number } | null;

/**
 * Looks at a lane and carries on whatever is there to be done by this worker. May be called at any time, for any lane. A
 * call that finds another at it leaves it to that one, which then looks once more: what this call was rung for may be
 * younger than what the other has read.
 *
 * @param account whose lane it probably is
 */
export async function advance(
  context: WorkerContext,
  resource: ResourceName,
  account?: AccountId,
): Promise<AdvanceEnd> {
  const { busy } = context;
  if (busy.has(resource)) {
    busy.set(resource, 'rung');
    return null;
  }
  busy.set(resource, 'looking');
  try {
    return await lookOnAndOn(context, resource, account);
  } finally {
    busy.delete(resource);
  }
}

/** Ends when there is nothing more to be done here; what this job may not do any more is rung for. */
async function lookOnAndOn(
  context: WorkerContext,
  resource: ResourceName,
  account: AccountId | undefined,
): Promise<AdvanceEnd> {
  let settled = 0;
  let away = 0;
  for (let looks = 0; looks < LOOKS_MAX && settled < INTENTS_PER_JOB_MAX; looks += 1) {
    if (context.stopping()) break;
    context.busy.set(resource, 'looking');
    const end = await oneTurn(context, resource, account);
    if (typeof end === 'object') return end;
    if (end === 'left' && context.busy.get(resource) === 'looking') return null;
    if (end === 'settled') settled += 1;
    const isAway = end === 'away';
    // A halt is an operator's to end, and may last longer than any limit here.
    away = isAway && !context.halted() ? away + 1 : 0;
    if (away > AWAY_LOOKS_MAX) context.boots.end('a turn could not be given back');
    if (isAway) await pause(context, away);
  }
  await context.bell.ring(context.queue, resource, { account });
  return null;
}

/**
 * A turn that the registry would not let be given back is this boot's alone to take up again: no other worker may, however
 * often it is rung. So who could not read or write looks again and again, until it can.
 */
async function oneTurn(
  context: WorkerContext,
  resource: ResourceName,
  account: AccountId | undefined,
): Promise<TurnEnd> {
  try {
    return await takeTurn(context, await context.journal.read(resource, account));
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    context.log.warn({ resource, err: error }, 'lane could not be read or taken');
    return 'away';
  }
}

async function pause(context: WorkerContext, tries: number): Promise<void> {
  const random = () => context.random();
  const ms = backoffMs({ tries, baseMs: AWAY_BASE_MS, capMs: AWAY_CAP_MS, random });
  const { signal } = context.clock.deadline(ms);
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
}

async function takeTurn(context: WorkerContext, snapshot: Snapshot): Promise<TurnEnd> {
  const { resource } = snapshot;
  let head: LaneEntry | null;
  try {
    checkKinds(snapshot.lane, context.rules);
    head = headToWork(snapshot, context.rules);
  } catch (error) {
    return await leaveUnplanned(context, snapshot, error);
  }
  if (head === null) return 'left';
  if (!isFree(context, head)) return await leaveTo(context, resource, head);
  const move = nextMove(head);
  if (move.do === 'nothing') return 'left';
  const earlyMs = untilRetryMs(context, head);
  if (earlyMs > 0) return await leaveEarly(context, resource, head, earlyMs);
  const mine = head.attempt?.boot === context.boots.self;
  const queue = queueOfMove(move, context.boots);
  if (queue !== null && queue !== context.queue && !mine) {
    if (!waitsOn(move, context.boots)) await context.bell.ring(queue, resource, ringOf(head, context.rules));
    return 'left';
  }
  const waitMs = mine ? 0 : outageMs(context, move);
  if (waitMs > 0) {
    await context.bell.ring(context.queue, resource, { ...ringOf(head, context.rules), delayMs: waitMs });
    return 'left';
  }
  if (context.halted()) return mine ? 'away' : 'left';
  if (!context.clock.trusted()) {
    context.log.warn(
      intentFields(snapshot),
      'this process may not start anything now: its clock or its beats are off',
    );
    return mine ? 'away' : 'left';
  }
  if (queue !== null && !mine && !mayCall(context, head)) return await putOff(context, resource, head);
  // Whoever had a turn before may have taken it from a dead boot, and have given it back before he told any OSD of the fence.
  if (head.turns > 0 && !mine && !(await caughtUp(context, snapshot))) return 'left';
  const turn = await Turn.take(context, snapshot, head, (n) => mintedLine(context, move, head, n));
  return turn === null ? 'overtaken' : await carryTurn(context, turn);
}

/**
 * Planning is pure: what throws once throws at each look, and a person is needed. It comes before the first turn, so nobody
 * has one. A kind that is not known here is left to the version that admitted it.
 */
async function leaveUnplanned(context: WorkerContext, snapshot: Snapshot, error: unknown): Promise<TurnEnd> {
  const [head, ...later] = snapshot.lane?.entries ?? [];
  if (error instanceof UnknownKindError) {
    const fields = { ...intentFields(snapshot), unknown: error.kind };
    context.log.warn(fields, 'lane has an intent of a kind that this version does not know');
    return 'left';
  }
  if (head === undefined || head.attempt !== null) throw error;
  if (context.halted() || !context.clock.trusted()) return 'left';
  const detail = error instanceof Error ? error.message : String(error);
  const parked = { reason: 'invariant' as const, detail, at: context.clock.now() };
  const entries = [{ ...head, parked }, ...later];
  const lane = snapshot.lane && { ...snapshot.lane, entries };
  const delta = deltaBetween(snapshot, { record: snapshot.record, lane }, context.rules);
  const outcome = await context.journal.write({ from: snapshot, entries, delta });
  if ('conflict' in outcome) return 'overtaken';
  tellParked(context, outcome.written);
  return 'left';
}

/**
 * How long the next try of a step that failed has to wait. Rings come besides, and if each were a try, patience would end
 * before what only time can end.
 */
function untilRetryMs({ clock, policy }: WorkerContext, { attempt, tries, retryAt }: LaneEntry): number {
  if (attempt !== null || tries === 0 || retryAt === undefined) return 0;
  const ms = retryAt - clock.now();
  // No pause is longer: the registry's clock was set back since.
  return ms > Math.max(policy.backoffCapMs, WAITED_MAX_MS) ? 0 : ms;
}

/** Whoever failed has rung for the time of the next try, and the sweep rings besides. */
async function leaveEarly(
  context: WorkerContext,
  resource: ResourceName,
  head: LaneEntry,
  delayMs: number,
): Promise<TurnEnd> {
  if (delayMs <= EARLY_MS)
    await context.bell.ring(context.queue, resource, { ...ringOf(head, context.rules), delayMs });
  return 'left';
}

/** A first call, or a retry that the budget has room for. */
function mayCall({ retries }: WorkerContext, { tries }: LaneEntry): boolean {
  if (tries > 0) return retries.spend();
  retries.earn();
  return true;
}

/** No try is spent on it, and nothing written. */
async function putOff(context: WorkerContext, resource: ResourceName, head: LaneEntry): Promise<TurnEnd> {
  const { backoffCapMs: capMs, triesMax: tries } = context.policy;
  const delayMs = backoffMs({ tries, baseMs: capMs, capMs, random: () => context.random() });
  await context.bell.ring(context.queue, resource, { ...ringOf(head, context.rules), delayMs });
  return 'left';
}

/** How long to put off a move whose source, or the part of it that it is about, is away. */
function outageMs({ outages }: WorkerContext, move: Move): number {
  return move.do === 'step' || move.do === 'undo' ? outages.waitMs(move.step) : 0;
}

/** What a dead boot began is gone on with only where its fence has arrived. */
async function caughtUp(context: WorkerContext, snapshot: Snapshot): Promise<boolean> {
  try {
    await withDeadline(context, (signal) => context.catchUp(signal));
    return true;
  } catch (err) {
    context.log.warn({ ...intentFields(snapshot), err }, 'fences could not be waited for');
    await context.bell.ring(context.queue, snapshot.resource, { delayMs: DOUBTFUL_BOOT_MS });
    return false;
  }
}

/** A turn is free when it was given back, or when its boot is gone. One's own was left behind by a failed write. */
function isFree(context: WorkerContext, { attempt }: LaneEntry): boolean {
  return attempt === null || attempt.boot === context.boots.self || context.boots.isGone(attempt.boot);
}

/** Somebody else's turn. Only if that boot may be about to be gone is it worth coming back soon. */
async function leaveTo(
  context: WorkerContext,
  resource: ResourceName,
  { attempt }: LaneEntry,
): Promise<TurnEnd> {
  if (attempt !== null && context.boots.isDoubtful(attempt.boot))
    await context.bell.ring(context.queue, resource, { delayMs: DOUBTFUL_BOOT_MS });
  return 'left';
}

/** For a name that only this intent can have made nothing stood before: its `started` goes with the attempt. */
function mintedLine(context: WorkerContext, move: Move, head: LaneEntry, turn: number) {
  if (move.do !== 'step' || move.step.minted !== true) return null;
  if (stepStateOf(head, move.stage, move.index) !== 'untouched') return null;
  const { stage, index } = move;
  return { stage, step: index, what: 'started' as const, turn, at: context.clock.now(), seen: null };
}
