import {
  InvariantError,
  PARK_REASONS,
  RejectedError,
  Refusal,
  ThrottledError,
  TransientError,
  UncertainError,
} from '@plumbline/domain';
import type {
  Backend,
  IntentId,
  Json,
  LaneEntry,
  ParkReason,
  ResourceName,
  Snapshot,
  Step,
} from '@plumbline/domain';
import { queueOfFacet } from './admit.js';
import { parkReasonOf, stepHolds } from './compare.js';
import { backoffMs } from './backoff.js';
import { commitEdit, settleEdit } from './settle.js';
import { canBeUndone, nextMove, stepStateOf } from './next.js';
import type { Move } from './next.js';
import type { WorkerContext } from './ports.js';
import { LostTurn, Turn } from './turn.js';
import { headToWork, isCancelled, queueOfMove, queueToRing } from './work.js';

/** Intents of one lane that one job goes on with before it rings for the rest. */
const INTENTS_PER_JOB_MAX = 16;
/** No plan has nearly as many moves: a turn that makes more is going in circles. */
const MOVES_MAX = 256;
/** A call whose deadline passed may still be under way; longer than this it is not waited for, and the boot ends. */
const OPEN_CALL_MAX_MS = 60_000;

/** A little more than the interval at which boots are looked at. */
const DOUBTFUL_BOOT_MS = 2500;

/** How a job ends: nothing more to do here, or the queue is to slow down. */
export type AdvanceEnd = { readonly throttledMs: number } | null;

class Park extends Error {
  constructor(
    readonly reason: ParkReason,
    message: string,
  ) {
    super(message);
  }
}

type TurnEnd = 'settled' | 'left' | { readonly throttledMs: number };

/** Looks at a lane and carries on whatever is there to be done by this worker. May be called at any time, for any lane. */
export async function advance(context: WorkerContext, resource: ResourceName): Promise<AdvanceEnd> {
  if (context.busy.has(resource)) return null;
  context.busy.add(resource);
  try {
    for (let settled = 0; settled < INTENTS_PER_JOB_MAX; settled += 1) {
      const end = await oneTurn(context, resource);
      if (end === 'left') return null;
      if (end !== 'settled') return end;
    }
    await context.bell.ring(context.queue, resource);
    return null;
  } finally {
    context.busy.delete(resource);
  }
}

async function oneTurn(context: WorkerContext, resource: ResourceName): Promise<TurnEnd> {
  try {
    return await takeTurn(context, resource);
  } catch (error) {
    // The registry is away: nothing was begun, and the sweep rings again.
    if (!(error instanceof Refusal)) throw error;
    context.log.warn({ resource, err: error }, 'lane could not be read or taken');
    return 'left';
  }
}

async function takeTurn(context: WorkerContext, resource: ResourceName): Promise<TurnEnd> {
  if (context.stopping()) return 'left';
  const snapshot = await context.journal.read(resource);
  const head = headToWork(snapshot, context.rules);
  if (head === null) return 'left';
  if (!isFree(context, head)) return await leaveTo(context, resource, head);
  const move = nextMove(head);
  if (move.do === 'nothing') return 'left';
  const queue = queueOfMove(move);
  if (queue !== null && queue !== context.queue) {
    await context.bell.ring(queue, resource);
    return 'left';
  }
  if (!context.clock.trusted()) {
    context.log.warn({ resource }, 'clock is too far off the registry’s to start anything');
    return 'left';
  }
  const taker = head.attempt !== null && head.attempt.boot !== context.boots.self;
  if (taker) await withDeadline(context, (signal) => context.catchUp(signal));
  const turn = await Turn.take(context, snapshot, head, (n) => mintedLine(context, move, head, n));
  return turn === null ? 'left' : await new Worker(context, turn).run();
}

/** A turn is free when it was given back, or when its boot is gone; one's own was left behind by a failed write. */
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

async function withDeadline<T>(
  context: WorkerContext,
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { signal, clear } = context.clock.deadline(context.policy.deadlineMs);
  try {
    return await call(signal);
  } finally {
    clear();
  }
}

/** Carries one turn from its first move to its last write. */
class Worker {
  private readonly intent: IntentId;

  constructor(
    private readonly context: WorkerContext,
    private readonly turn: Turn,
  ) {
    this.intent = turn.head.intent;
  }

  async run(): Promise<TurnEnd> {
    const { context, turn } = this;
    for (let moves = 0; moves < MOVES_MAX; moves += 1) {
      const move = nextMove(turn.head);
      try {
        if (context.stopping()) return await this.handOver(move);
        const queue = queueOfMove(move);
        if (queue !== null && queue !== context.queue) return await this.handOver(move);
        const end = await this.make(move);
        if (end !== null) return end;
      } catch (error) {
        const end = await this.failed(move, error);
        if (end !== null) return end;
      }
    }
    await this.park('invariant', 'the intent makes moves without end');
    return 'left';
  }

  private async make(move: Move): Promise<TurnEnd | null> {
    const { context, turn } = this;
    switch (move.do) {
      case 'step':
        if (this.turnRound()) return await this.startUndoing('Deleted before it was finished.');
        return await this.carryOut(move);
      case 'undo':
        return await this.takeBack(move);
      case 'commit':
        return await this.commit();
      case 'settle':
        await turn.save((head, snapshot) => settleEdit(context, head, snapshot, move.as));
        context.bell.wake(turn.snapshot.resource, this.intent);
        return 'settled';
      default:
        throw new InvariantError(`a turn met the move ${move.do}`, { reason: 'unexpected-move' });
    }
  }

  /** A delete came while the volume was being made. */
  private turnRound(): boolean {
    return this.turn.head.undoing === null && isCancelled(this.turn.snapshot.lane, this.context.rules);
  }

  private async startUndoing(why: string): Promise<null> {
    await this.turn.save((head) => ({ head: { ...head, undoing: why, tries: 0 } }));
    return null;
  }

  private async carryOut(move: Extract<Move, { do: 'step' }>): Promise<TurnEnd | null> {
    const { turn } = this;
    const { stage, index, step } = move;
    const backend = this.backendOf(step);
    const mustLook = !this.isFreshlyMinted(move);
    let before: Json = null;
    if (mustLook) {
      before = await this.call(step, (signal) => backend.observe(step, signal));
      const reason = parkReasonOf(backend.facet, step, before);
      if (reason !== null) throw new Park(reason, `${step.facet} ${step.key} was not found as it must be`);
      if (stepHolds(backend.facet, step, before)) {
        turn.note(stage, index, 'done', before);
        return null;
      }
      if (step.mode === 'require')
        throw new TransientError(`${step.facet} ${step.key} is not as required`, { reason: 'requirement' });
      if (stepStateOf(turn.head, stage, index) === 'untouched') {
        const line = turn.line(stage, index, 'started', before);
        await turn.save((head) => ({ head: { ...head, ledger: [...head.ledger, line] } }));
        if (this.turnRound()) return await this.startUndoing('Deleted before it was finished.');
      }
    }
    const first = this.beforeOf(index, stage);
    const applied = await this.call(step, (signal) =>
      backend.apply(step, { want: step.want, before: first }, signal),
    );
    if ('waitMs' in applied) return await this.askAgain(applied.waitMs);
    if (!stepHolds(backend.facet, step, applied.seen))
      throw new TransientError(`${step.facet} ${step.key} did not become what was wanted`, {
        reason: 'not-yet',
      });
    turn.note(stage, index, 'done', applied.seen);
    return null;
  }

  /** First turn, first try: what only this intent can have made is made without looking. */
  private isFreshlyMinted({ step }: { step: Step }): boolean {
    const { head, attempt } = this.turn;
    return step.minted === true && attempt.turn === 1 && head.tries === 0;
  }

  private beforeOf(index: number, stage: 'prepare' | 'finish'): Json {
    const started = this.turn.head.ledger.find(
      (line) => line.stage === stage && line.step === index && line.what === 'started',
    );
    return started?.seen ?? null;
  }

  private async takeBack({ index, step }: Extract<Move, { do: 'undo' }>): Promise<TurnEnd | null> {
    const backend = this.backendOf(step);
    const before = this.beforeOf(index, 'prepare');
    const undone = await this.call(step, (signal) => backend.undo(step, { want: step.want, before }, signal));
    if ('waitMs' in undone) return await this.askAgain(undone.waitMs);
    this.turn.note('prepare', index, 'undone', undone.seen);
    return null;
  }

  private async commit(): Promise<TurnEnd | null> {
    const { context, turn } = this;
    const found = turn.found.bind(turn);
    const owes = turn.head.plan?.owes ?? [];
    await turn.save((head, snapshot) => commitEdit(context, head, snapshot, found));
    const settled = turn.snapshot.lane?.entries[0]?.intent !== this.intent;
    if (settled || turn.head.committed !== null) {
      context.bell.wake(turn.snapshot.resource, this.intent);
      for (const { facet } of owes) context.bell.drain(queueOfFacet(facet));
    }
    return settled ? 'settled' : null;
  }

  private async handOver(move: Move): Promise<TurnEnd> {
    await this.turn.giveBack();
    await this.context.bell.ring(queueToRing(move), this.turn.snapshot.resource);
    return 'left';
  }

  private async askAgain(waitMs: number): Promise<TurnEnd> {
    await this.turn.giveBack();
    await this.context.bell.ring(this.context.queue, this.turn.snapshot.resource, { delayMs: waitMs });
    return 'left';
  }

  private backendOf(step: Step): Backend {
    const backend = this.context.backends.get(step.facet);
    if (backend === undefined)
      throw new InvariantError(`this worker has no hands for ${step.facet}`, { reason: 'no-backend' });
    return backend;
  }

  /** One call out, with a deadline. Whatever is unclassified may have happened. */
  private async call<T>(step: Step, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const source = this.backendOf(step).facet.source;
    try {
      const result = await withDeadline(this.context, call);
      this.context.report(source, 'ok');
      return result;
    } catch (error) {
      const failed = error instanceof TransientError || error instanceof UncertainError;
      this.context.report(source, failed ? 'failed' : 'ok', error);
      throw error;
    }
  }

  /** What an error means for the intent. Null: the turn goes on. */
  private async failed(move: Move, error: unknown): Promise<TurnEnd | null> {
    const fields = { ...fieldsOf(this.turn.snapshot), move: move.do, err: error };
    if (error instanceof LostTurn) {
      this.context.log.info(fields, 'turn was lost to another attempt');
      return 'left';
    }
    if (error instanceof Refusal) {
      this.context.log.warn(fields, 'registry could not be written');
      return 'left';
    }
    this.context.log.warn(fields, 'step failed');
    try {
      await this.waitForOpenCalls(move);
      return await this.react(move, error);
    } catch (failure) {
      this.context.log.warn({ ...fields, err: failure }, 'turn could not be given back');
      return 'left';
    }
  }

  private async react(move: Move, error: unknown): Promise<TurnEnd | null> {
    const { context, turn } = this;
    if (error instanceof Park) return await this.park(error.reason, error.message);
    if (error instanceof ThrottledError) {
      await turn.giveBack();
      return { throttledMs: error.retryAfterMs };
    }
    if (error instanceof InvariantError) return await this.park(parkReasonNamed(error.reason), error.message);
    if (error instanceof RejectedError) return await this.rejected(move, error.message);
    const tries = turn.head.tries + 1;
    if (tries >= context.policy.triesMax) {
      const isRequirement = move.do === 'step' && move.step.mode === 'require';
      const message = error instanceof Error ? error.message : String(error);
      return isRequirement ? await this.rejected(move, message) : await this.park('tries-exhausted', message);
    }
    await turn.giveBack({ tries });
    const delayMs = backoffMs({ tries, ...context.policy, random: context.random() });
    await context.bell.ring(context.queue, turn.snapshot.resource, { delayMs });
    return 'left';
  }

  /** Definitely not done, and never will be: before the commit the intent is undone, else a person is needed. */
  private async rejected(move: Move, message: string): Promise<TurnEnd | null> {
    if (move.do === 'undo') return await this.park('undo-failed', message);
    if (this.turn.head.committed !== null) return await this.park('rejected-after-commit', message);
    if (!canBeUndone(this.turn.head)) return await this.park('release-rejected', message);
    return await this.startUndoing(message);
  }

  private async park(reason: ParkReason, detail: string): Promise<TurnEnd> {
    const at = this.context.clock.now();
    await this.turn.giveBack({ parked: { reason, detail, at } });
    this.context.log.error({ ...fieldsOf(this.turn.snapshot), reason, detail }, 'intent is parked');
    this.context.bell.wake(this.turn.snapshot.resource, this.intent);
    return 'left';
  }

  /** The turn is never given back while a call of its own is open: what lands late would be another attempt's. */
  private async waitForOpenCalls(move: Move): Promise<void> {
    if (move.do !== 'step' && move.do !== 'undo') return;
    const backend = this.context.backends.get(move.step.facet);
    if (backend === undefined) return;
    const { signal, clear } = this.context.clock.deadline(OPEN_CALL_MAX_MS);
    const late = new Promise<'late'>((resolve) => signal.addEventListener('abort', () => resolve('late')));
    const end = await Promise.race([backend.idle(move.step), late]);
    clear();
    if (end !== 'late') return;
    this.context.boots.end('a call did not come back');
    throw new LostTurn();
  }
}

/** An adapter may name the page that helps with what it found. */
function parkReasonNamed(reason: string): ParkReason {
  return PARK_REASONS.find((known) => known === reason) ?? 'invariant';
}

function fieldsOf(snapshot: Snapshot): object {
  const head = snapshot.lane?.entries[0];
  return {
    resource: snapshot.resource,
    intentId: head?.intent,
    kind: head?.kind,
    attempt: head?.attempt?.turn,
    requestId: head?.requestId,
  };
}
