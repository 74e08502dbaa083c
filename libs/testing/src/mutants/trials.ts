import { inProcess } from './in-process.js';
import type { Mutant } from './mutant.js';
import { importArgument, overlayOf } from './overlay.js';

/** An invariant seen broken. */
export interface Sighting {
  /** Which seed, or which story. */
  readonly at: string;
  /** If it was one. */
  readonly seed?: number;
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

const SEEDS_TRIAL = new URL('./trial.js', import.meta.url);
const SCHEDULES_TRIAL = new URL('./schedules-trial.js', import.meta.url);

/** Tries one mutant on seeds. */
export function triedOnSeeds(mutant: Mutant, { root, seeds, from }: TrialSettings): Promise<Verdict> {
  return tried(mutant, root, SEEDS_TRIAL, [`--seeds=${seeds}`, `--from=${from}`]);
}

/** Tries one mutant on all schedules of the story in which it must show. */
export function triedOnSchedules(mutant: Mutant, story: string, root: string): Promise<Verdict> {
  return tried(mutant, root, SCHEDULES_TRIAL, [`--story=${story}`]);
}

async function tried(mutant: Mutant, root: string, module: URL, args: readonly string[]): Promise<Verdict> {
  const startedMs = performance.now();
  const seconds = (): number => (performance.now() - startedMs) / 1000;
  try {
    const nodeArgs = [importArgument(overlayOf(mutant, root))];
    const trial = await trialOf({ module, nodeArgs, args, until: mutant.breaks });
    return { ...trial, mutant, failure: await failureWithout(trial), seconds: seconds() };
  } catch (error) {
    const failure = error instanceof Error ? error.message.slice(-FAILURE_LENGTH_MAX) : String(error);
    return { ...NOTHING, mutant, seconds: seconds(), failure };
  }
}

/** A seed that production's own code does not pass has caught no mutant. */
async function failureWithout({ caught }: Trial): Promise<string | null> {
  if (caught?.seed === undefined) return null;
  const args = ['--seeds=1', `--from=${caught.seed}`];
  const { other } = await trialOf({ module: SEEDS_TRIAL, args, until: [] });
  return other === null ? null : `production's own code breaks ${other.invariant} at ${caught.at} too`;
}

async function trialOf(by: {
  module: URL;
  nodeArgs?: readonly string[];
  args: readonly string[];
  until: readonly string[];
}): Promise<Trial> {
  const args = [...by.args, `--until=${by.until.join(',')}`];
  return JSON.parse(await inProcess({ ...by, args, msMax: MS_MAX })) as Trial;
}
