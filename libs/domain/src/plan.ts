import type { GivenBack } from './claims.js';
import type { IntentId, VolumeId } from './ids.js';
import type { FacetName, OwesStep, Step } from './facet.js';
import type { Json } from './json.js';
import type { Instant, VolumeRecord, VolumeValue } from './records.js';

/** What the steps before the commit saw, by facet; undefined while only pending work is folded over a record. */
export type Found = (facet: FacetName) => Json | undefined;

/** The one step on the primary. A pure function, applied to the record as it is when the commit comes. */
export interface Commit {
  readonly volume: VolumeId;
  readonly becomes: (
    record: VolumeRecord | null,
    context: { at: Instant; found: Found },
  ) => VolumeValue | null;
}

/**
 * Build before commit, destroy after commit: the types refuse any other order. `prepare` is undone in reverse,
 * `finish` is retried until true, `owes` are written by the commit's own transaction.
 */
export interface Plan {
  readonly prepare: readonly Step<'require' | 'build' | 'release'>[];
  readonly commit: Commit;
  readonly finish?: readonly Step<'remove'>[];
  readonly owes?: readonly OwesStep[];
  /** Of a repair: the commit takes again what record and lane say that the volume holds in the registry, and gives this back. */
  readonly givesBack?: GivenBack;
}

/** The part of a plan that is data. Computed once and kept in the lane. */
export interface ResolvedPlan {
  readonly prepare: readonly Step[];
  readonly finish: readonly Step[];
  readonly owes: readonly OwesStep[];
}

export function resolvePlan(plan: Plan): ResolvedPlan {
  return { prepare: plan.prepare, finish: plan.finish ?? [], owes: plan.owes ?? [] };
}

/** The volume's record, about which a plan states its commit. */
export function volume(id: VolumeId) {
  return {
    /** Comes into being with this value. */
    is: (value: (context: { at: Instant; found: Found }) => VolumeValue): Commit => ({
      volume: id,
      becomes: (_record, context) => value(context),
    }),
    /** A pure function of the record as it is then; a volume that is not there stays so. */
    becomes: (change: (record: VolumeRecord, context: { found: Found }) => VolumeValue): Commit => ({
      volume: id,
      becomes: (record, context) => (record === null ? null : change(record, context)),
    }),
    isGone: (): Commit => ({ volume: id, becomes: () => null }),
  };
}

/** Stamps a value as the committer does: after whatever was there, whatever the clock says. */
export function stamp(
  value: VolumeValue,
  by: Parameters<typeof nextStamp>[0] & { intent: IntentId },
): VolumeRecord {
  return { ...value, ...nextStamp(by), lastIntent: by.intent };
}

/**
 * `at = max(now, what was + 1 ms)`, and the next `rev`.
 * @param by `revFloor`: lower ones may have been given before the registry was set back
 */
export function nextStamp(by: {
  before: { rev: number; at: Instant } | null;
  now: Instant;
  revFloor?: number;
}): { rev: number; at: Instant } {
  const rev = Math.max((by.before?.rev ?? 0) + 1, by.revFloor ?? 0);
  return { rev, at: Math.max(by.now, (by.before?.at ?? 0) + 1) };
}
