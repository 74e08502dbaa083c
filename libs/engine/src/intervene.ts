import { Refusal, notFound } from '@plumbline/domain';
import type { IntentId, LaneEntry, ResourceName, Snapshot } from '@plumbline/domain';
import { deltaBetween } from './footprint.js';
import { canBeUndone, nextMove } from './next.js';
import type { EngineContext } from './ports.js';
import { queueToRing, ringOf } from './work.js';

/**
 * What an operator may do about a parked intent. None of it touches a source: the lane is written, guarded by its index, and
 * the workers look again, as at any intent.
 *
 * - `resume` goes on where it stopped: each step looks before it acts.
 * - `undo` takes back what was built; only where the engine itself might still have done so.
 * - `accept` leaves one step as it is. Only behind the commit: nothing there can make the record untrue, and what is left
 *   over is what no record names, which the scrubber reports. Before the commit a word in place of a fact would make a
 *   record without an image (V1), or a volume that two VMs write to (V4). What is true already needs no accepting: a resumed
 *   step looks, and finds it.
 */
export type Intervention = 'resume' | 'undo' | 'accept';

/** Who says so, and why. */
export interface Operator {
  readonly by: string;
  readonly reason: string;
}

const CONFLICTS_MAX = 3;

/**
 * One compare-and-set of the lane, and a ring.
 * @returns the entry as it was before, and the lane as it is now
 * @throws Refusal `not_found` when that intent is not pending, `conflict` with what would be right
 */
export async function intervene(
  context: EngineContext,
  asked: { resource: ResourceName; intent: IntentId; what: Intervention; operator: Operator },
): Promise<{ before: LaneEntry; now: Snapshot }> {
  let snapshot = await context.journal.read(asked.resource);
  for (let conflicts = 0; conflicts < CONFLICTS_MAX; conflicts += 1) {
    const before = parkedHead(snapshot, asked.intent);
    const after = EDITS[asked.what](before, { ...asked.operator, at: context.clock.now() });
    const outcome = await context.journal.write(changeOf(context, snapshot, after));
    if ('written' in outcome) {
      const options = ringOf(after, context.rules);
      await context.bell.ring(queueToRing(nextMove(after)), asked.resource, options);
      return { before, now: outcome.written };
    }
    snapshot = outcome.conflict;
  }
  throw new Refusal('service_unavailable', 'Others are changing this lane at this moment; try again.', {
    reason: 'unavailable',
    retryAfterMs: 1000,
  });
}

/** Only the head is ever carried out, and so only the head can be parked. Whoever parked it gave back its turn. */
function parkedHead({ lane }: Snapshot, intent: IntentId): LaneEntry {
  const entries = lane?.entries ?? [];
  const entry = entries.find((one) => one.intent === intent);
  const head = entries[0];
  if (entry === undefined || head === undefined) throw notFound();
  if (entry !== head)
    throw conflict(`The intent waits behind ${head.intent}, which has the turn: see to that one.`);
  if (entry.parked === null || entry.attempt !== null)
    throw conflict('The intent is not parked: it is carried out without an operator.');
  return entry;
}

type Edit = (head: LaneEntry, by: Operator & { at: number }) => LaneEntry;

/** Pure: the parked head as it becomes. @throws Refusal `conflict` */
export const EDITS: Readonly<Record<Intervention, Edit>> = {
  resume: (head) => ({ ...head, parked: null, tries: 0 }),

  undo(head, { reason }) {
    if (head.committed !== null)
      throw conflict('The intent is committed, customers see it so: resume it, or accept the step.');
    if (head.undoing !== null) throw conflict('The intent is being undone already: resume it.');
    if (!canBeUndone(head))
      throw conflict(
        'A step that releases something was begun and cannot be taken back: finish it by hand, then resume.',
      );
    return { ...head, parked: null, tries: 0, undoing: reason };
  },

  accept(head, { by, reason, at }) {
    const move = nextMove({ ...head, parked: null });
    if (move.do === 'undo')
      throw conflict('What the intent built is still to be taken back: remove it by hand, then resume.');
    if (head.committed === null)
      throw conflict(
        'The intent is not committed: make the world as the step wants it, then resume; or undo the intent.',
      );
    if (move.do !== 'step') throw conflict('No step is left to be accepted: resume the intent.');
    const { stage, index } = move;
    const seen = head.ledger.findLast((line) => line.stage === stage && line.step === index)?.seen ?? null;
    const what = 'done' as const;
    const line = { stage, step: index, what, turn: head.turns, at, seen, accepted: { by, reason } };
    return { ...head, parked: null, tries: 0, ledger: [...head.ledger, line] };
  },
};

function changeOf(context: EngineContext, from: Snapshot, head: LaneEntry) {
  const entries = [head, ...(from.lane?.entries.slice(1) ?? [])];
  const lane = from.lane && { ...from.lane, entries };
  try {
    return { from, entries, delta: deltaBetween(from, { record: from.record, lane }, context.rules) };
  } catch (error) {
    // Counters are never guessed: an intent that cannot be planned does not tell what it has reserved.
    const why = error instanceof Error ? error.message : String(error);
    throw conflict(`What the intent has reserved cannot be told (${why}): mend that, then resume it.`);
  }
}

function conflict(message: string): Refusal {
  return new Refusal('conflict', message, { reason: 'intervention' });
}
