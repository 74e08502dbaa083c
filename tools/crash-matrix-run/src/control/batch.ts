/**
 * One batch: volumes are made ready, one intent is asked for each, and when every worker stands where the batch wants it,
 * all are struck at once. Then everything has to end by itself, and is judged.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { expectedOf, recordAfter } from '../matrix/expected.js';
import { strikeOf } from '../matrix/cells.js';
import type { Batch, Strike } from '../matrix/cells.js';
import type { Held } from './desk.js';
import { instantViolations, lateViolations } from './judge.js';
import type { Violation } from './judge.js';
import { strike } from './strike.js';
import type { Hands, HeldSubject } from './strike.js';
import { outcomeOf } from './subject.js';
import type { Outcome, Subject } from './subject.js';
import { byHandNameOf } from '../matrix/damages.js';
import { prepare, useAndRemove } from './volumes.js';

const HELD_MS = 90_000;
const SETTLED_MS = 90_000;
/** How often a call may be over before it is struck: a write takes a millisecond, as long as it takes to send a signal. */
const ROUNDS_MAX = 12;

export interface BatchResult {
  readonly outcomes: readonly Outcome[];
  /** What is wrong with no volume in particular. */
  readonly wrong: readonly string[];
}

/** What was not struck within its call is tried again: when a call is over only shows afterwards. */
export async function runBatch(batch: Batch, hands: Hands): Promise<BatchResult> {
  const outcomes: Outcome[] = [];
  const wrong: string[] = [];
  let cases = batch.cases;
  for (let rounds = 1; cases.length > 0; rounds += 1) {
    const { subjects, wrong: own } = await runRound({ ...batch, cases }, hands);
    wrong.push(...own);
    const mayTryAgain = batch.point === 'within' && rounds < ROUNDS_MAX;
    const missed = mayTryAgain ? subjects.filter(({ isReached }) => !isReached) : [];
    wrong.push(...missed.flatMap((subject) => subject.wrong));
    outcomes.push(...subjects.filter((subject) => !missed.includes(subject)).map(outcomeOf));
    cases = missed.map(({ of }) => of);
  }
  return { outcomes, wrong };
}

async function runRound(
  batch: Batch,
  hands: Hands,
): Promise<{ subjects: readonly Subject[]; wrong: readonly string[] }> {
  const { desk, intents, world } = hands;
  desk.forget();
  const subjects = await prepare(batch.cases, hands);
  const run = new Run(batch, hands, subjects);
  const held = await run.untilHeld();
  if (batch.point !== 'within') await run.look();
  const { wrong } = run;
  const untilSettled = (some: readonly Subject[]) => run.untilSettled(some);
  wrong.push(...(await strike({ batch, hands, held, untilSettled, look: () => run.look() })));
  await run.untilSettled(subjects);
  await run.judge();
  await useAndRemove(subjects, { intents, world });
  await run.clearByHand();
  run.blame(lateViolations(desk.seen));
  run.blame(world.history.violations.splice(0));
  return { subjects, wrong };
}

class Run {
  readonly wrong: string[] = [];
  private readonly how: Strike;

  constructor(
    private readonly batch: Batch,
    private readonly hands: Hands,
    private readonly subjects: readonly Subject[],
  ) {
    this.how = strikeOf(batch.point, batch.way);
  }

  /** Asks for all intents, and waits until each has a worker at its point. */
  async untilHeld(): Promise<readonly HeldSubject[]> {
    const { desk, intents } = this.hands;
    const held: HeldSubject[] = [];
    const arming = this.subjects.map(async (subject) => {
      const one = await this.arm(subject);
      subject.isReached = true;
      held.push({ subject, held: one });
    });
    const owing = this.subjects.filter(({ of }) => of.move.mode === 'owed');
    const owes = ({ asked }: Subject) =>
      desk.saw(
        ({ doing, saw }) => saw === 'returned' && doing.move === 'commit' && doing.intent === asked?.intent,
      );
    desk.holdDrainsUntil(() => owing.every(owes));
    for (const subject of this.subjects)
      subject.asked = await intents.ask(subject.account, subject.of.variant.definition, subject.params);
    desk.letDrain();
    await Promise.race([Promise.all(arming), sleep(HELD_MS)]);
    for (const { isReached, of, resource, wrong } of this.subjects) {
      if (isReached) continue;
      wrong.push(`no worker came to ${this.how.holdAt} ${of.move.key}`);
      desk.disarm(resource);
    }
    return held;
  }

  private async arm({ of: { move, variant }, resource }: Subject): Promise<Held> {
    const { desk } = this.hands;
    if (variant.turnsBackAt === null) return await desk.arm(resource, move.key, this.how.holdAt);
    const built = await desk.arm(resource, variant.turnsBackAt, 'after');
    const next = desk.arm(resource, move.key, this.how.holdAt);
    built.answer('reject');
    return await next;
  }

  /** V1, V3, V4 and V5, as everything stands. */
  async look(): Promise<void> {
    const { world } = this.hands;
    const seen = await world.everything();
    world.halfMade += seen.images.filter(({ opened }) => opened === null).length;
    this.blame(instantViolations(seen).filter((violation) => !this.isDamaged(violation)));
  }

  /** The end of each intent, and of all that it owes. Who is parked as he must be is resumed. */
  async untilSettled(subjects: readonly Subject[]): Promise<void> {
    const { intents, world } = this.hands;
    const open = new Set(subjects.filter(({ asked, settledAtMs }) => asked !== null && settledAtMs === null));
    await world.until(async (registry) => {
      for (const subject of open) {
        const { asked, resource } = subject;
        const action = world.action(registry, asked!);
        const parked = world.lane(registry, resource)?.entries[0]?.parked;
        if (parked && subject.parked === null) {
          subject.parked = parked.reason;
          await intents.resume(asked!);
        }
        if (action === undefined || action.status === 'in-progress' || !world.isAtRest(registry, resource))
          continue;
        subject.settledAtMs = performance.now();
        subject.ended = action.status;
        open.delete(subject);
      }
      return open.size === 0;
    }, SETTLED_MS);
    for (const { resource, wrong } of open) {
      const head = world.lane(await world.registry(), resource)?.entries[0] ?? null;
      wrong.push(`it has not ended: ${JSON.stringify(head && { ...head, plan: undefined })}`);
    }
  }

  /** Each end is the one that had to come, and all sources agree. */
  async judge(): Promise<void> {
    const { world } = this.hands;
    const registry = await world.registry();
    for (const subject of this.subjects) {
      const { before, ended, of, params, parked, wrong } = subject;
      const expected = expectedOf(of);
      if (ended !== expected.ends) wrong.push(`it ended ${ended}, not ${expected.ends}`);
      if (parked !== expected.parks) wrong.push(`it was parked: ${parked}, not ${expected.parks}`);
      const record = world.record(registry, subject);
      const wanted = recordAfter(of, { params, before, ends: expected.ends });
      if (shownOf(record) !== shownOf(wanted))
        wrong.push(`its record is ${shownOf(record)}, not ${shownOf(wanted)}`);
    }
    const lines = await world.disagreements(
      (line) => this.isGrownBeforeUndone(line) || this.isLeftToRepair(line) || this.isNobodys(line),
    );
    this.blame(lines.map((detail) => ({ invariant: 'A1', resource: this.resourceIn(detail), detail })));
  }

  /** What was damaged before is wrong until it is repaired. */
  private isDamaged({ invariant, resource }: Violation): boolean {
    const subject = this.subjects.find((one) => one.resource === resource);
    if (subject?.of.variant.damage !== 'image in the trash' || subject.ended !== null) return false;
    return invariant === 'V1' || invariant === 'V3';
  }

  /** What a repair that was undone was there for is still to be repaired. */
  private isLeftToRepair(line: string): boolean {
    const subject = this.subjects.find(({ volume }) => line.includes(volume));
    return subject?.ended === 'errored' && subject.of.variant.definition.internal === true;
  }

  /** An image that was grown for a resize that was undone stays grown, and so does what a VM shows of it. */
  private isGrownBeforeUndone(line: string): boolean {
    const [, shown, record] = /(?:has|shows) (\d+) GiB(?: in its VM)?, its record (\d+)$/.exec(line) ?? [];
    const subject = this.subjects.find(({ volume }) => line.includes(volume));
    return subject?.ended === 'errored' && Number(shown) > Number(record);
  }

  /** An image that was to be adopted and was not, and one that was released. */
  private isNobodys(line: string): boolean {
    return this.subjects.some(
      (subject) =>
        leavesImage(subject) && line.endsWith(`/${byHandNameOf(subject.volume)} belongs to no volume`),
    );
  }

  /** What is nobody's must be there still; and nothing else. */
  async clearByHand(): Promise<void> {
    const { intents, vandal } = this.hands;
    const [{ slug: region = '' } = {}] = intents.regions;
    for (const subject of this.subjects) {
      const isThere = await vandal.clearByHand({ region, volume: subject.volume });
      if (isThere === leavesImage(subject)) continue;
      subject.wrong.push(isThere ? 'an image is left under the name of a stranger' : 'its image is gone');
    }
  }

  private resourceIn(line: string): string | null {
    return this.subjects.find(({ volume }) => line.includes(volume))?.resource ?? null;
  }

  blame(violations: readonly Violation[]): void {
    for (const { invariant, resource, detail } of violations) {
      const subject = this.subjects.find((one) => one.resource === resource);
      if (subject === undefined) this.wrong.push(`${invariant}: ${resource ?? ''} ${detail}`);
      else subject.wrong.push(`${invariant}: ${detail}`);
    }
  }
}

/** Whoever released it has done so by now; whoever adopted it has it, unless that was undone. */
function leavesImage({ ended, of }: Subject): boolean {
  const { kind } = of.variant.definition;
  return kind === 'volume-release' || (kind === 'volume-adopt' && ended === 'errored');
}

function shownOf(record: Subject['before']): string {
  if (record === null) return 'gone';
  const { attachment, sizeGib } = record;
  return `${sizeGib} GiB${attachment === null ? '' : ` in VM ${attachment.vm}`}`;
}
