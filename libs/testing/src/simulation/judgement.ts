import type { Change } from './register.js';
import type { Mistake } from './world.js';

/** What a group of invariants finds in what has just changed in the registry. */
export interface Judgement {
  judge(changes: readonly Change[]): Mistake | null;
}

export function broken(invariant: string, detail: string, about = ''): Mistake {
  return { invariant, detail, about };
}
