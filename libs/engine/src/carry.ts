import {
  HeldError,
  InvariantError,
  RejectedError,
  Refusal,
  ThrottledError,
  TransientError,
} from '@plumbline/domain';
import type {
  Applied,
  Backend,
  IntentId,
  Json,
  LaneEntry,
  LedgerStage,
  ParkReason,
  Step,
} from '@plumbline/domain';
import { queueOfFacet } from './admit.js';
import { parkReasonOf, stepHolds } from './compare.js';
import { withDeadline } from './deadline.js';
import { UnknownKindError } from './materialize.js';
import { commitEdit, settleEdit } from './settle.js';
import { intentFields } from './intent-fields.js';
import { clientOf, lookForClient, onlyAddressIn } from './client.js';
import { Park, parkReasonNamed, tellParked } from './park.js';
import { canBeUndone, isOpen, nextMove, stepStateOf } from './next.js';
import type { Move } from './next.js';
import { REQUIREMENT, patienceWith } from './patience.js';
import type { WorkerContext } from './ports.js';
import { LostTurn } from './turn.js';
import type { Turn } from './turn.js';
import { isCancelled, isGivenUp, isLost, queueOfMove, queueToRing, ringOf } from './work.js';

/** No plan has nearly as many moves: a turn that makes more is going in circles. */
const MOVES_MAX = 256;
/** A call whose deadline passed may still be under way; longer than this it is not waited for, and the boot ends. */
const OPEN_CALL_MAX_MS = 60_000;

/** How soon it is asked again whether the registry was set back, when that could not be told. */
const UNSURE_MS = 2_000;

/** Why the customer sees an action errored that waited for a host. */
const HOST_GIVEN_UP = 'The host of the Droplet does not answer.';

/** `overtaken`: another wrote the lane first. `away`: the registry was, and a turn may be left in this boot's name. */
export type TurnEnd = 'settled' | 'left' | 'overtaken' | 'away' | { readonly throttledMs: number };

/** Carries one turn from its first move to its last write. */
export function carryTurn(context: WorkerContext, turn: Turn): Promise<TurnEnd> {
  return new Worker(context, turn).run();
}

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
        const queue = queueOfMove(move, context.boots);
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
    switch (move.do) {
      case 'fence':
        return await this.fence(move);
      case 'step':
        if (isLost(move, this.context.boots)) return await this.giveUp(move.stage, move.index);
        if (this.turnRound()) return await this.startUndoing('Deleted before it was finished.');
        if (isGivenUp(move, this.context.boots)) return await this.rejected(move, HOST_GIVEN_UP);
        return await this.carryOut(move);
      case 'undo':
        if (isLost(move, this.context.boots)) return await this.giveUp('prepare', move.index);
        if (isGivenUp(move, this.context.boots)) return this.leaveBehind(move.index);
        return await this.takeBack(move);
      case 'commit':
        return await this.commit();
      case 'settle':
        return await this.settle(move.as);
      default:
        throw new InvariantError(`a turn met the move ${move.do}`, { reason: 'unexpected-move' });
    }
  }

  /** What cancels the head ends with it, and so does what is between them: all of them are waited for. */
  private async settle(as: 'done' | 'undone'): Promise<TurnEnd> {
    const { context, turn } = this;
    const fields = intentFields(turn.snapshot);
    let before: readonly LaneEntry[] = [];
    await turn.save((head, snapshot) => {
      before = snapshot.lane?.entries ?? [];
      return settleEdit(context, head, snapshot, as);
    });
    context.log.info(fields, as === 'done' ? 'intent settled' : 'intent undone');
    const { lane, resource } = turn.snapshot;
    for (const { intent } of before.slice(0, before.length - (lane?.entries.length ?? 0)))
      context.bell.wake(resource, intent);
    return this.afterSettling();
  }

  /** When the lane is gone nothing is left to look for: what is admitted from now on rings anew. */
  private afterSettling(): TurnEnd {
    return this.turn.snapshot.lane === null ? 'left' : 'settled';
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
    const { context, turn } = this;
    const { stage, index, step } = move;
    const backend = this.backendOf(step);
    const mustLook = !this.isFreshlyMinted(move);
    let before: Json = null;
    if (mustLook) {
      before = await this.call(step, (signal) => backend.observe(step, signal));
      const reason = parkReasonOf(backend.facet, step, before);
      if (reason !== null) throw new Park(reason, `${step.facet} ${step.key} was not found as it must be`);
      if (stepHolds(backend.facet, step, before) && !mustBeProven(step)) {
        turn.note(stage, index, 'done', before);
        return null;
      }
      if (step.mode === 'require' && step.atOnce === true)
        throw new RejectedError(`${step.facet} ${step.key} is not as required`, { reason: REQUIREMENT });
      if (step.mode === 'require')
        throw new TransientError(`${step.facet} ${step.key} is not as required`, { reason: REQUIREMENT });
      if (stepStateOf(turn.head, stage, index) === 'untouched') {
        const line = turn.line(stage, index, 'started', before);
        await turn.save((head) => ({ head: { ...head, ledger: [...head.ledger, line] } }));
        if (this.turnRound()) return await this.startUndoing('Deleted before it was finished.');
      }
    }
    if (destroys(step) && !(await context.sure())) return await this.askAgain(UNSURE_MS);
    const first = this.beforeOf(index, stage);
    const applied = await this.call(step, (signal) =>
      backend.apply(step, { want: step.want, before: first }, signal),
    );
    if ('waitMs' in applied) return await this.askAgain(applied.waitMs);
    if (isUnproven(step, applied)) return await this.giveUp(stage, index);
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

  /** Nobody can ask that host, and nothing that anybody could write through is left there. */
  private leaveBehind(index: number): null {
    this.turn.note('prepare', index, 'undone', null);
    return null;
  }

  private beforeOf(index: number, stage: 'prepare' | 'finish'): Json {
    const started = this.turn.head.ledger.find(
      (line) => line.stage === stage && line.step === index && line.what === 'started',
    );
    return started?.seen ?? null;
  }

  private async takeBack({ index, step }: Extract<Move, { do: 'undo' }>): Promise<TurnEnd | null> {
    if (!(await this.context.sure())) return await this.askAgain(UNSURE_MS);
    const backend = this.backendOf(step);
    const before = this.beforeOf(index, 'prepare');
    const undone = await this.call(step, (signal) => backend.undo(step, { want: step.want, before }, signal));
    if ('waitMs' in undone) return await this.askAgain(undone.waitMs);
    if (isUnproven(step, undone)) return await this.giveUp('prepare', index);
    this.turn.note('prepare', index, 'undone', undone.seen);
    return null;
  }

  /** The step goes on as a fence, whoever comes to it next. */
  private async giveUp(stage: LedgerStage, index: number): Promise<null> {
    const line = this.turn.line(stage, index, 'lost', null);
    await this.turn.save((head) => ({ head: { ...head, ledger: [...head.ledger, line] } }));
    return null;
  }

  /**
   * Whoever has the thing may live or not, sleep or not: once its client is fenced, nothing it does reaches the image any
   * more. That ends every step that is open on account of that client.
   */
  private async fence({ ends, index, stage, step }: Extract<Move, { do: 'fence' }>): Promise<TurnEnd | null> {
    const { context, turn } = this;
    if (!(await context.sure())) return await this.askAgain(UNSURE_MS);
    const noted = clientOf(turn.head, step);
    const client = noted ?? (await this.unnotedClient(index, step));
    if (client !== null) {
      await this.call(step, (signal) => context.fence(client, signal));
      context.log.info({ ...intentFields(turn.snapshot), client, step: step.facet }, 'client was fenced');
    }
    const steps = turn.head.plan?.[stage] ?? [];
    const same = steps.flatMap((other, at) =>
      other.client !== undefined && clientOf(turn.head, other) === noted ? [at] : [],
    );
    for (const at of same) if (isOpen(turn.head, stage, at, ends)) turn.note(stage, at, ends, null);
    return null;
  }

  /**
   * Who came to watch the image since the step was begun, when nobody got as far as to note it: no guest can write through
   * that client, but as long as it has the image open nobody else gets the volume.
   */
  private async unnotedClient(index: number, { client }: Step): Promise<string | null> {
    const look = lookForClient(this.turn.head, index, client);
    if (look === null) return null;
    const seen = await this.call(look, (signal) => this.backendOf(look).observe(look, signal));
    return onlyAddressIn(seen);
  }

  private async commit(): Promise<TurnEnd | null> {
    const { context, turn } = this;
    const found = turn.found.bind(turn);
    const owes = turn.head.plan?.owes ?? [];
    const fields = intentFields(turn.snapshot);
    await turn.save((head, snapshot) => commitEdit(context, head, snapshot, found));
    const settled = turn.snapshot.lane?.entries[0]?.intent !== this.intent;
    if (settled || turn.head.committed !== null) {
      context.log.info(fields, 'intent committed');
      context.bell.wake(turn.snapshot.resource, this.intent);
      for (const { facet } of owes) context.bell.drain(queueOfFacet(facet));
    }
    return settled ? this.afterSettling() : null;
  }

  private async handOver(move: Move): Promise<TurnEnd> {
    await this.turn.giveBack();
    const options = ringOf(this.turn.head, this.context.rules);
    const queue = queueToRing(move, this.context.boots);
    await this.context.bell.ring(queue, this.turn.snapshot.resource, options);
    return 'left';
  }

  private async askAgain(waitMs: number, more: Partial<LaneEntry> = {}): Promise<TurnEnd> {
    const { bell, queue, rules } = this.context;
    await this.turn.giveBack(more);
    const options = { ...ringOf(this.turn.head, rules), delayMs: waitMs };
    await bell.ring(queue, this.turn.snapshot.resource, options);
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
    try {
      const result = await withDeadline(this.context, call);
      this.context.outages.report(step, null);
      return result;
    } catch (error) {
      this.context.outages.report(step, error);
      throw error;
    }
  }

  /** What an error means for the intent. Null: the turn goes on. */
  private async failed(move: Move, error: unknown): Promise<TurnEnd | null> {
    const fields = { ...intentFields(this.turn.snapshot), move: move.do, err: error };
    if (error instanceof LostTurn) {
      this.context.log.info(fields, 'turn was lost to another attempt');
      return 'left';
    }
    if (error instanceof Refusal) {
      this.context.log.warn(fields, 'registry could not be written');
      return 'away';
    }
    this.context.log.warn(fields, 'step failed');
    try {
      await this.waitForOpenCalls(move);
      return await this.react(move, error);
    } catch (failure) {
      this.context.log.warn({ ...fields, err: failure }, 'turn could not be given back');
      return failure instanceof LostTurn ? 'left' : 'away';
    }
  }

  private async react(move: Move, error: unknown): Promise<TurnEnd | null> {
    const { context, turn } = this;
    if (error instanceof Park) return await this.park(error.reason, error.message);
    if (error instanceof UnknownKindError) {
      // Admitted by another version while this one was at it: its workers go on.
      await turn.giveBack();
      return 'left';
    }
    if (error instanceof ThrottledError) {
      await turn.giveBack();
      return { throttledMs: error.retryAfterMs };
    }
    if (error instanceof HeldError)
      return await this.askAgain(Math.round(error.retryAfterMs * (0.5 + context.random())));
    if (error instanceof InvariantError)
      return await this.park(parkReasonNamed(error.reason) ?? 'invariant', error.message);
    if (error instanceof RejectedError) return await this.rejected(move, error.message);
    const tries = turn.head.tries + 1;
    const { delayMs, reason, triesMax } = patienceWith(context, error, tries);
    // The outage's failure, not the intent's: it costs no try, however long it lasts.
    if ('step' in move && context.outages.isAway(move.step))
      return await this.askAgain(Math.max(delayMs, context.outages.waitMs(move.step)));
    if (tries >= triesMax) {
      const isRequirement = move.do === 'step' && move.step.mode === 'require';
      const message = error instanceof Error ? error.message : String(error);
      if (isRequirement) return await this.rejected(move, message);
      return await this.park(reason, message);
    }
    return await this.askAgain(delayMs, { tries, retryAt: context.clock.now() + delayMs });
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
    tellParked(this.context, this.turn.snapshot);
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

/** What cannot be made good by doing it again: an undo is another. */
function destroys({ mode }: Step): boolean {
  return mode === 'release' || mode === 'remove';
}

/** What a guest may write through counts as gone by proof only: taken away by ourselves, or its client fenced. */
function mustBeProven({ want, client }: Step): boolean {
  return want === null && client !== undefined;
}

function isUnproven({ client }: Step, applied: Exclude<Applied, { waitMs: number }>): boolean {
  return client !== undefined && applied.lost === true;
}
