/** Where a move can be struck, and how; which of these there are, and why the others are not. */
import type { PointName, Directive } from '../points/wire.js';
import type { Move, Variant } from './variants.js';

/** Before its effect, while the call is under way, after it, and after the ledger says so. */
export const POINTS = ['before', 'within', 'after', 'ledger'] as const;
export type Point = (typeof POINTS)[number];

export const WAYS = [
  'kill',
  'pause, woken early',
  'pause, woken late',
  'twice',
  'reply lost',
  'definite error',
  'uncertain, not done',
  'uncertain, done',
] as const;
export type Way = (typeof WAYS)[number];

/** What the controller does when all are where it wants them. */
export interface Strike {
  /** Where the worker is held. */
  readonly holdAt: PointName;
  /** What it is told then; while it is stopped, it finds this when it wakes. */
  readonly directive: Directive;
  readonly signal: 'kill' | 'early' | 'late' | null;
  /** Its lane is rung once more meanwhile. */
  readonly rings: boolean;
}

const SIGNALS: Partial<Record<Way, Strike['signal']>> = {
  kill: 'kill',
  'pause, woken early': 'early',
  'pause, woken late': 'late',
};

const HOLDS: Readonly<Record<Point, PointName>> = {
  before: 'before',
  within: 'before',
  after: 'after',
  ledger: 'written',
};

/** What is told and where, by point; a way that is not named at a point makes no sense there. */
const TOLD: Partial<Record<Way, Partial<Record<Point, readonly [PointName, Directive]>>>> = {
  twice: { before: ['before', 'go'], after: ['after', 'again'], ledger: ['written', 'again'] },
  'reply lost': { after: ['after', 'silence'] },
  'definite error': { before: ['before', 'reject'], ledger: ['writing', 'reject'] },
  'uncertain, not done': { before: ['before', 'uncertain'], ledger: ['writing', 'uncertain'] },
  'uncertain, done': { after: ['after', 'uncertain'], ledger: ['written', 'uncertain'] },
};

export function strikeOf(point: Point, way: Way): Strike {
  const signal = SIGNALS[way] ?? null;
  if (signal !== null) return { holdAt: HOLDS[point], directive: 'go', signal, rings: false };
  const told = TOLD[way]?.[point];
  if (told === undefined) throw new TypeError(`there is no ${way} at ${point}`);
  return { holdAt: told[0], directive: told[1], signal: null, rings: way === 'twice' && point === 'before' };
}

const LEDGER_OF_WRITE = 'The write is effect and ledger in one: what comes after it is the point _after_.';
const ENDS_A_CALL = 'It is how a call ends, or never begins: at _before_ and _after_.';

/** Why there is no such case; null: there is. */
export function exclusionOf({ via }: Pick<Move, 'via'>, point: Point, way: Way): string | null {
  if (via === 'write' && point === 'ledger') return LEDGER_OF_WRITE;
  if (way in SIGNALS) return null;
  if (point === 'within')
    return way === 'twice'
      ? 'A second delivery while a call is under way finds the same as one before it; a second call is at _after_.'
      : ENDS_A_CALL;
  switch (way) {
    case 'reply lost':
      if (point === 'before') return 'Nothing was asked that could be answered: _uncertain, not done_.';
      return point === 'ledger' || via === 'write'
        ? "The registry's client finds out by itself what became of a write without an answer; where it cannot, it is _uncertain_."
        : null;
    case 'definite error':
    case 'uncertain, not done':
      return point === 'after' ? 'It has been done: a worker can only not know it, _uncertain, done_.' : null;
    case 'uncertain, done':
      return point === 'before' ? 'Nothing has been done yet: _uncertain, not done_.' : null;
    default:
      return null;
  }
}

export interface Case {
  readonly variant: Variant;
  readonly move: Move;
  readonly point: Point;
  readonly way: Way;
}

/** Cases that are struck at the same time, in the same way, each with a volume of its own. */
export interface Batch {
  readonly point: Point;
  readonly way: Way;
  readonly cases: readonly Case[];
}

/** @param slots how many volumes can be in VMs at a time */
export function batchesOf(variants: readonly Variant[], slots: number): readonly Batch[] {
  return WAYS.flatMap((way) =>
    POINTS.flatMap((point) => {
      const cases = variants.flatMap((variant) =>
        variant.moves
          .filter((move) => exclusionOf(move, point, way) === null)
          .flatMap((move) => copiesOf({ variant, move, point, way })),
      );
      return inSlots(cases, slots).map((some) => ({ point, way, cases: some }));
    }),
  );
}

/** A killed `rbd create` leaves a half-made image one time in seven: often enough, to have one every time. */
const CREATES = 8;

function copiesOf(one: Case): readonly Case[] {
  const { move, point, variant, way } = one;
  const isMade = variant.standing === 'absent' && move.mode === 'build';
  const leavesHalf = isMade && point === 'within' && way === 'kill';
  return Array.from({ length: leavesHalf ? CREATES : 1 }, () => one);
}

function inSlots(cases: readonly Case[], slots: number): readonly (readonly Case[])[] {
  const groups: Case[][] = [];
  let free = 0;
  for (const one of cases) {
    const takes = one.variant.needsVm ? 1 : 0;
    if (groups.length === 0 || takes > free) {
      groups.push([]);
      free = slots;
    }
    groups.at(-1)!.push(one);
    free -= takes;
  }
  return groups;
}

/** The n-th of so many parts, dealt like cards: neighbours are struck in the same way, and take as long. */
export function partOf(
  batches: readonly Batch[],
  { part, of }: { part: number; of: number },
): readonly Batch[] {
  return batches.filter((_, index) => index % of === part - 1);
}
