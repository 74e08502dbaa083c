import { InvariantError } from '@plumbline/domain';
import type { AnyFacet, Json, ParkReason, Step } from '@plumbline/domain';

/**
 * Whether what a source showed is what a step wants. Values are parsed by the facet's own schemas, so that a source
 * that answers nonsense is an error and never a guess.
 */
export function stepHolds(facet: AnyFacet, step: Pick<Step, 'want'>, seen: Json): boolean {
  const { want, saw } = parsed(facet, step.want, seen);
  return facet.holds(want, saw);
}

/** Why a person is needed at this sight. A name that only this intent can have made has no history. */
export function parkReasonOf(facet: AnyFacet, step: Step, seen: Json): ParkReason | null {
  if (step.minted === true) return null;
  const { want, saw } = parsed(facet, step.want, seen);
  return facet.parks?.(want, saw) ?? null;
}

function parsed(facet: AnyFacet, want: Json, seen: Json): { want: Json; saw: Json } {
  const { want: wants, seen: sees, name } = facet;
  const wanted = want === null ? null : wants.safeParse(want);
  const saw = seen === null ? null : sees.safeParse(seen);
  if (wanted?.success === false || saw?.success === false)
    throw new InvariantError(`${name} is not as its schema says`, {
      reason: 'schema',
      cause: wanted?.error ?? saw?.error,
    });
  return { want: wanted?.data ?? null, saw: saw?.data ?? null };
}
