import { inProcess } from './in-process.js';
import type { Mutant } from './mutant.js';
import { importArgument, overlayOf } from './overlay.js';

/** An invariant seen broken. */
export interface Sighting {
  /** Which seed, or which story. */
  readonly at: string;
  readonly invariant: string;
  readonly detail: string;
}

/** What a checker found that does not know what it was looking for. */
export interface Trial {
  /** How far it looked, in words. */
  readonly looked: string;
  /** By one of the invariants that the mutant breaks. */
  readonly caught: Sighting | null;
  /** By another one first. */
  readonly other: Sighting | null;
}

export interface Verdict extends Trial {
  readonly mutant: Mutant;
  readonly seconds: number;
  /** It could not be tried: not applied, ended badly, or did not end. */
  readonly failure: string | null;
}

export interface TrialSettings {
  readonly root: string;
  readonly seeds: number;
  readonly from: number;
}

/** Longer than this no mutant is tried. */
const MS_MAX = 10 * 60_000;
const FAILURE_LENGTH_MAX = 400;
const NOTHING: Trial = { looked: '', caught: null, other: null };

/** Tries one mutant on seeds. */
export function triedOnSeeds(mutant: Mutant, { root, seeds, from }: TrialSettings): Promise<Verdict> {
  const args = [`--seeds=${seeds}`, `--from=${from}`];
  return tried(mutant, root, new URL('./trial.js', import.meta.url), args);
}

/** Tries one mutant on all schedules of the story in which it must show. */
export function triedOnSchedules(mutant: Mutant, story: string, root: string): Promise<Verdict> {
  return tried(mutant, root, new URL('./schedules-trial.js', import.meta.url), [`--story=${story}`]);
}

async function tried(mutant: Mutant, root: string, module: URL, args: readonly string[]): Promise<Verdict> {
  const startedMs = performance.now();
  const seconds = (): number => (performance.now() - startedMs) / 1000;
  try {
    const nodeArgs = [importArgument(overlayOf(mutant, root))];
    const until = `--until=${mutant.breaks.join(',')}`;
    const trial = await inProcess({ module, nodeArgs, args: [...args, until], msMax: MS_MAX });
    return { ...(JSON.parse(trial) as Trial), mutant, seconds: seconds(), failure: null };
  } catch (error) {
    const failure = error instanceof Error ? error.message.slice(-FAILURE_LENGTH_MAX) : String(error);
    return { ...NOTHING, mutant, seconds: seconds(), failure };
  }
}
