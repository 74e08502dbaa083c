import type { Mutant } from './mutant.js';
import { HELD_OUT } from './held-out.js';
import { OF_ENGINE } from './of-engine.js';
import { OF_INTENTS } from './of-intents.js';
import { OF_REGISTRY } from './of-registry.js';
import { OF_SCRUBBER } from './of-scrubber.js';

/** Which of the two lists a mutant is from: the one the instruments were sharpened on, or the one kept from them. */
export type MutantList = 'known' | 'held-out';

export const MUTANTS: Readonly<Record<MutantList, readonly Mutant[]>> = {
  known: [...OF_ENGINE, ...OF_REGISTRY, ...OF_INTENTS, ...OF_SCRUBBER],
  'held-out': HELD_OUT,
};
