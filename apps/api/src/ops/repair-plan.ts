import { createHash } from 'node:crypto';
import type {
  AnyFacet,
  Brake,
  DiscrepancyClass,
  DiscrepancyRecord,
  Doing,
  FacetName,
  Json,
  PlannedRepair,
  ScrubSettings,
  VolumeId,
} from '@plumbline/domain';
import { inOrder } from '@plumbline/engine';
import type { NamedDiscrepancy } from '@plumbline/registry';

/** Repairs in one plan: it is kept as one value, and read by a person. What is beyond comes with the next. */
const PLANNED_MAX = 200;

/** Of what a plan is made: at most one of both. */
export interface PlanFilter {
  readonly volume?: VolumeId;
  readonly remedy?: string;
}

interface Concerned {
  readonly id: string;
  readonly facet: FacetName;
  readonly class: DiscrepancyClass;
  readonly key: string;
  readonly host: string | null;
  readonly volume: VolumeId | null;
  readonly remedy: string;
}

/** What would be done, with what it was decided by. */
export interface Would extends Concerned {
  readonly does: Doing;
  readonly kind: string;
  readonly why: string;
  readonly want: Json;
  readonly seen: Json;
  readonly recordIndex: number;
}

export interface Held extends Concerned {
  /** A state other than `confirmed`, or `brake`, `paused`, `off`, or `by-hand`: no intent repairs it. */
  readonly by:
    Exclude<DiscrepancyRecord['state'], 'confirmed' | 'repaired'> | 'brake' | 'paused' | 'off' | 'by-hand';
  readonly why: string;
}

export interface RepairPlan {
  /** The same facts have the same. */
  readonly hash: string;
  readonly filter: PlanFilter;
  readonly would: readonly Would[];
  /** Repairs beyond what one plan holds. */
  readonly beyond: number;
  readonly held: readonly Held[];
}

export interface PlanFacts {
  readonly named: readonly NamedDiscrepancy[];
  readonly brakes: readonly Brake[];
  readonly settings: ScrubSettings;
  readonly facets: readonly AnyFacet[];
}

/**
 * What would be done about what is wrong, whatever is set to be only reported: whoever applies a plan has read it. In the
 * order in which a pass would file them.
 */
export function planOf(filter: PlanFilter, facts: PlanFacts): RepairPlan {
  const fits = ({ record }: NamedDiscrepancy): boolean =>
    record.state !== 'repaired' &&
    (filter.volume === undefined || record.volume === filter.volume) &&
    (filter.remedy === undefined || record.remedy.name === filter.remedy);
  const chosen = facts.named.filter(fits).sort((one, other) => (one.id < other.id ? -1 : 1));
  const named = new Map(chosen.map((one) => [one.record, one]));
  const judged = inOrder([...named.keys()]).map((record) => judge(named.get(record)!, facts));
  const all = judged.flatMap((one) => ('by' in one ? [] : one));
  const would = all.slice(0, PLANNED_MAX);
  const held = judged.flatMap((one) => ('by' in one ? one : []));
  return { hash: hashOf(filter, would), filter, would, beyond: all.length - would.length, held };
}

/** What is kept of a plan that is to be carried out. */
export function plannedOf({ would }: RepairPlan): readonly PlannedRepair[] {
  return would.map(({ id, class: sort, recordIndex, remedy }) => ({ id, class: sort, recordIndex, remedy }));
}

function judge({ id, record }: NamedDiscrepancy, facts: PlanFacts): Would | Held {
  const { class: sort, facet, host, key, recordIndex, remedy, seen, volume, want } = record;
  const of: Concerned = { id, facet, class: sort, key, host, volume, remedy: remedy.name };
  const held = holdOf(record, facts);
  if (held !== null) return { ...of, ...held };
  const known = facts.facets.find(({ name }) => name === facet)?.remedies;
  const kind = known?.find(({ name }) => name === remedy.name)?.files?.kind;
  if (kind === undefined) return { ...of, by: 'by-hand', why: remedy.why };
  return { ...of, does: remedy.does, kind, why: remedy.why, want, seen, recordIndex };
}

function holdOf(record: DiscrepancyRecord, { brakes, settings }: PlanFacts): Pick<Held, 'by' | 'why'> | null {
  const { accepted, facet, intent, parked, remedy, state } = record;
  if (state === 'seen-once') return { by: state, why: 'it counts when it is seen again' };
  if (state === 'repairing') return { by: state, why: `intent ${intent ?? ''} is on its way` };
  if (state === 'parked') return { by: state, why: parked ?? remedy.why };
  if (state === 'accepted') return { by: state, why: `${accepted?.by ?? ''}: ${accepted?.reason ?? ''}` };
  const brake = brakes.find((one) => one.facet === facet);
  if (brake !== undefined) return { by: 'brake', why: `${brake.why}: ${brake.wrong} of ${brake.of}` };
  if (settings.paused) return { by: 'paused', why: 'repairs are paused' };
  if (settings.modes[remedy.name] === 'off') return { by: 'off', why: `${remedy.name} is switched off` };
  return null;
}

/** Of the facts and not of their times: what is found again unchanged is the same plan. */
function hashOf(filter: PlanFilter, would: readonly Would[]): string {
  const text = JSON.stringify({ filter, would }, (_name, value: unknown) => byName(value));
  return createHash('sha256').update(text).digest('hex');
}

/** An object's members in the order of their names, so that equal values have equal texts. */
function byName(value: unknown): unknown {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)));
}
