import { lookQueueOf } from '@plumbline/domain';
import type {
  AnyFacet,
  FacetName,
  HostName,
  Json,
  Place,
  QueueName,
  Snapshot,
  SourceName,
  Step,
  Tombstone,
  VmRecord,
  VolumeRecord,
} from '@plumbline/domain';
import { materialize } from '@plumbline/engine';
import type { Rules } from '@plumbline/engine';
import { volumeDelete } from '@plumbline/intents';

/**
 * What there is to look at for one volume, and what is to be thought of what was seen. Pure: who looks, and when, is
 * decided elsewhere.
 */
export interface Question extends Place {
  readonly facet: AnyFacet;
  /** What settled intents left as true; null: gone. */
  readonly want: Json;
  /** A place where nothing is expected and nothing is under way: of interest only when something is found there. */
  readonly elsewhere: boolean;
}

export type Sight = { readonly seen: Json; readonly at: number } | { readonly unknown: string };

export interface FacetTruth {
  readonly facet: FacetName;
  readonly source: SourceName;
  readonly key: string;
  readonly host?: HostName;
  readonly expected: Json;
  /** What is there; null: nothing. Absent when nobody answered. */
  readonly seen?: Json;
  readonly unknown?: string;
  readonly lookedAt?: string;
  /** Null: unknown. */
  readonly agrees: boolean | null;
}

export type Verdict = 'agreed' | 'differs' | 'unknown' | 'busy';

/** VMs looked into for things that should not be there. */
const VMS_MAX = 100;

/** Everything about the volume that any source could hold. Null: nobody has ever heard of it. */
export function questionsOf(
  snapshot: Snapshot,
  by: { facets: readonly AnyFacet[]; vms: readonly VmRecord[]; rules: Rules },
): readonly Question[] | null {
  const { record, lane, tombstone } = snapshot;
  const shape =
    record ?? materialize(record, lane, by.rules) ?? pendingOf(snapshot, by.rules) ?? ghostOf(tombstone);
  if (shape === null) return null;
  const wanted = record === null ? [] : by.facets.flatMap((facet) => expectedOf(facet, record));
  const gone = record === null ? (volumeDelete.plan({ volumeId: shape.id }, shape).finish ?? []) : [];
  const questions = new Map<string, Question>();
  const ask = (facet: AnyFacet, place: Place, elsewhere: boolean): void => {
    const id = idOf(facet.name, place);
    if (questions.has(id)) return;
    const step = gone.find((one) => idOf(one.facet, one) === id);
    const expectation = wanted.find((one) => idOf(one.facet.name, one) === id);
    const want = expectation?.want ?? step?.want ?? null;
    const host = place.host === undefined ? {} : { host: place.host };
    questions.set(id, { facet, key: place.key, ...host, want, elsewhere });
  };
  for (const facet of by.facets) for (const place of expectedOf(facet, shape)) ask(facet, place, false);
  for (const step of stepsOf(snapshot)) {
    const facet = by.facets.find(({ name }) => name === step.facet);
    if (facet !== undefined) ask(facet, step, false);
  }
  const vms = by.vms
    .filter((vm) => vm.region === shape.region && vm.account === shape.account)
    .slice(0, VMS_MAX);
  for (const vm of vms) {
    const attached = { ...shape, attachment: { vm: vm.id, host: vm.host, address: '' } };
    for (const facet of by.facets)
      for (const place of expectedOf(facet, attached)) ask(facet, place, vm.slots[shape.id] === undefined);
  }
  return [...questions.values()];
}

/** Where a question is asked. */
export function queueOfQuestion({ facet, host }: Question): QueueName {
  return lookQueueOf(facet.source, host);
}

/** Null: nothing is there and nothing should be, in a place that is of no interest otherwise. */
export function judge(question: Question, sight: Sight): FacetTruth | null {
  const { facet, key, host, want, elsewhere } = question;
  const of = {
    facet: facet.name,
    source: facet.source,
    key,
    ...(host === undefined ? {} : { host }),
    expected: want,
  };
  if ('unknown' in sight) return elsewhere ? null : { ...of, unknown: sight.unknown, agrees: null };
  if (elsewhere && sight.seen === null) return null;
  const lookedAt = new Date(sight.at).toISOString();
  try {
    return { ...of, seen: sight.seen, lookedAt, agrees: holds(facet, want, sight.seen) };
  } catch {
    return { ...of, seen: sight.seen, lookedAt, agrees: null, unknown: 'the answer was malformed' };
  }
}

/** What is under way may differ without anything being wrong. */
export function verdictOf(facets: readonly FacetTruth[], busy: boolean): Verdict {
  if (busy) return 'busy';
  if (facets.some(({ agrees }) => agrees === false)) return 'differs';
  return facets.some(({ agrees }) => agrees === null) ? 'unknown' : 'agreed';
}

function holds(facet: AnyFacet, want: Json, seen: Json): boolean {
  const wanted = want === null ? null : facet.want.parse(want);
  return facet.holds(wanted, seen === null ? null : facet.seen.parse(seen));
}

function expectedOf(facet: AnyFacet, record: VolumeRecord) {
  return facet.expected(record).map((expectation) => ({ facet, ...expectation }));
}

function idOf(facet: FacetName, { key, host }: Place): string {
  return `${facet} ${host ?? ''} ${key}`;
}

function stepsOf({ lane }: Snapshot): readonly Step[] {
  return (lane?.entries ?? []).flatMap(({ plan }) => [...(plan?.prepare ?? []), ...(plan?.finish ?? [])]);
}

/** A volume whose create is being undone folds to nothing, and its image may still be there. */
function pendingOf({ record, lane }: Snapshot, rules: Rules): VolumeRecord | null {
  if (lane === null) return null;
  const entries = lane.entries.slice(0, 1).map((entry) => ({ ...entry, undoing: null }));
  return materialize(record, { ...lane, entries }, rules);
}

function ghostOf(tombstone: Tombstone | null): VolumeRecord | null {
  if (tombstone === null) return null;
  const { id, account, region, imageId, rev, at } = tombstone;
  return {
    id,
    account,
    region,
    imageId,
    rev,
    at,
    name: '',
    description: '',
    sizeGib: 1,
    filesystemType: '',
    filesystemLabel: '',
    tags: [],
    createdAt: at,
    attachment: null,
    pins: [],
    lastIntent: '' as VolumeRecord['lastIntent'],
  };
}
