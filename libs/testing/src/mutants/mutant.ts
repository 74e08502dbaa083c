/** The ids of `docs/invariants.md` that the simulation can see broken. */
export const INVARIANTS = [
  ...(['R1', 'R2', 'R3', 'R4', 'C1', 'C2', 'C3', 'C4', 'C5', 'C6'] as const),
  ...(['V1', 'V2', 'V3', 'V4', 'V5', 'V7', 'A1', 'A2', 'A3', 'A4', 'M1', 'B1', 'B2', 'B3', 'B4'] as const),
] as const;
export type InvariantId = (typeof INVARIANTS)[number];

export interface Edit {
  /** Below the repository's root. */
  readonly file: string;
  /** Stands there exactly once, or the list is out of tune with the code. */
  readonly find: string;
  readonly put: string;
}

/** A mistake that somebody could make in production's code, as data: production itself carries no switch for it. */
export interface Mutant extends Edit {
  readonly id: string;
  /** What it must be caught by. Several: whichever of these shows first depends on the seed. */
  readonly breaks: readonly InvariantId[];
  readonly why: string;
  /** Where one edit alone would be caught by another line of defence, and that is to be mutated too. */
  readonly also?: readonly Edit[];
  /** The story under all whose schedules it must show too. */
  readonly story?: string;
}

export function editsOf(mutant: Mutant): readonly Edit[] {
  return [mutant, ...(mutant.also ?? [])];
}

/** @throws RangeError when the text is not there exactly once */
export function edited(source: string, { file, find, put }: Edit): string {
  const parts = source.split(find);
  if (parts.length !== 2)
    throw new RangeError(`${file} has ${parts.length - 1} times, and must have once: ${find}`);
  return parts.join(put);
}
