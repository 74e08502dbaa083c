import type { Mutant } from './mutant.js';
import type { Sighting, Verdict } from './trials.js';

const ID_WIDTH = 36;
const DETAIL_LENGTH = 110;

export function isCaught({ caught, failure }: Verdict): boolean {
  return caught !== null && failure === null;
}

/** What became of one mutant, in one line. */
export function lineOf(verdict: Verdict): string {
  const { mutant, caught, other, failure, looked, seconds } = verdict;
  const start = `${stateOf(verdict).padEnd(9)} ${mutant.id.padEnd(ID_WIDTH)}`;
  const took = `${seconds.toFixed(1)} s`;
  if (failure !== null) return `${start} ${took}: ${failure}`;
  const also = other === null ? '' : `; first ${told(other)}`;
  if (caught !== null) return `${start} ${told(caught)}, ${took}${also}`;
  return `${start} ${looked}, ${took}: never ${mutant.breaks.join(' or ')}${also}`;
}

function stateOf({ caught, other, failure }: Verdict): string {
  if (failure !== null) return 'FAILED';
  if (caught !== null) return 'caught';
  return other === null ? 'SURVIVED' : 'MISNAMED';
}

function told({ at, invariant, detail }: Sighting): string {
  return `${invariant} at ${at} (${detail.slice(0, DETAIL_LENGTH)})`;
}

/** What happened, and what to do next. */
export function lastLine(verdicts: readonly Verdict[], seconds: number): string {
  const missed = verdicts.filter((verdict) => !isCaught(verdict));
  const sum = `${verdicts.length - missed.length} of ${verdicts.length} mutants caught in ${seconds.toFixed(0)} s`;
  if (missed.length === 0) return `${sum}, each by an invariant that it breaks`;
  const ids = missed.map(({ mutant }) => mutant.id).join(',');
  return `${sum}; a check is blind, or the list is wrong: tools/mutants --only ${ids}`;
}

export function listLines(mutants: readonly Mutant[]): readonly string[] {
  return mutants.map(({ id, breaks, file, why }) =>
    [id.padEnd(ID_WIDTH), breaks.join(' ').padEnd(16), file, `\n    ${why}`].join(' '),
  );
}
