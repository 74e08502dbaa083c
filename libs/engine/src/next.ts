import type { LaneEntry, LedgerEntry, LedgerStage, Step } from '@plumbline/domain';

/** What is to be done for a head intent, judged by its entry alone. */
export type Move =
  | { readonly do: 'plan' }
  | { readonly do: 'step'; readonly stage: LedgerStage; readonly index: number; readonly step: Step }
  | { readonly do: 'commit' }
  | { readonly do: 'undo'; readonly index: number; readonly step: Step }
  /** The step's thing cannot be taken away by hand: the client that writes through it is fenced instead. */
  | {
      readonly do: 'fence';
      readonly ends: 'done' | 'undone';
      readonly stage: LedgerStage;
      readonly index: number;
      readonly step: Step;
    }
  | { readonly do: 'settle'; readonly as: 'done' | 'undone' }
  | { readonly do: 'nothing' };

export type StepState = 'untouched' | LedgerEntry['what'];

export function stepStateOf(entry: LaneEntry, stage: LedgerStage, index: number): StepState {
  const last = entry.ledger.findLast((line) => line.stage === stage && line.step === index);
  return last?.what ?? 'untouched';
}

/** True when the ledger says that this intent touched, or may have touched, the thing. */
function wasStarted(entry: LaneEntry, stage: LedgerStage, index: number): boolean {
  return entry.ledger.some(
    (line) =>
      line.stage === stage && line.step === index && (line.what === 'started' || line.what === 'lost'),
  );
}

export function nextMove(entry: LaneEntry): Move {
  if (entry.parked !== null) return { do: 'nothing' };
  if (entry.plan === null) return entry.undoing === null ? { do: 'plan' } : { do: 'settle', as: 'undone' };
  if (entry.committed !== null)
    return firstOpen(entry, 'finish', entry.plan.finish) ?? { do: 'settle', as: 'done' };
  if (entry.undoing !== null) return lastBuilt(entry, entry.plan.prepare) ?? { do: 'settle', as: 'undone' };
  return firstOpen(entry, 'prepare', entry.plan.prepare) ?? { do: 'commit' };
}

function firstOpen(entry: LaneEntry, stage: LedgerStage, steps: readonly Step[]): Move | null {
  const index = steps.findIndex((_, at) => stepStateOf(entry, stage, at) !== 'done');
  const step = steps[index];
  if (step === undefined) return null;
  const isLost = stepStateOf(entry, stage, index) === 'lost';
  return isLost ? { do: 'fence', ends: 'done', stage, index, step } : { do: 'step', stage, index, step };
}

/** Undone in reverse. What was found right and never touched stays. */
function lastBuilt(entry: LaneEntry, steps: readonly Step[]): Move | null {
  const index = steps.findLastIndex(
    (step, at) =>
      step.mode === 'build' &&
      wasStarted(entry, 'prepare', at) &&
      stepStateOf(entry, 'prepare', at) !== 'undone',
  );
  const step = steps[index];
  if (step === undefined) return null;
  const isLost = stepStateOf(entry, 'prepare', index) === 'lost';
  return isLost
    ? { do: 'fence', ends: 'undone', stage: 'prepare', index, step }
    : { do: 'undo', index, step };
}

/** Whether the world still has to be moved by that step, forward or back. */
export function isOpen(
  entry: LaneEntry,
  stage: LedgerStage,
  index: number,
  ends: 'done' | 'undone',
): boolean {
  const state = stepStateOf(entry, stage, index);
  return ends === 'done' ? state !== 'done' : state !== 'undone' && wasStarted(entry, stage, index);
}

/** An intent that released something cannot be taken back: it goes forward or waits for a person. */
export function canBeUndone(entry: LaneEntry): boolean {
  return (
    entry.committed === null &&
    !(entry.plan?.prepare ?? []).some(
      (step, at) => step.mode === 'release' && wasStarted(entry, 'prepare', at),
    )
  );
}
