import { remedyOf, volumeResource } from '@plumbline/domain';
import type {
  DiscrepancyRecord,
  DiscrepancyState,
  Facet,
  Finding,
  Instant,
  IntentId,
  Place,
  Remedy,
} from '@plumbline/domain';
import type { Suspicion } from './walk.js';

/** What a discrepancy has been through: the oldest is forgotten. */
const HISTORY_MAX = 20;

/** What is to be done about a suspicion. */
export function remedyFor(facet: Facet, suspicion: Suspicion): Remedy {
  return remedyOf(facet, findingOf(suspicion));
}

export function findingOf({ class: sort, place, snapshot, volume, want, seen }: Suspicion): Finding {
  const record = snapshot?.record ?? null;
  const tombstone = snapshot?.tombstone ?? null;
  return { class: sort, place, volume, record, tombstone, want, seen };
}

export function placeOf({ host, key }: Pick<DiscrepancyRecord, 'host' | 'key'>): Place {
  return host === null ? { key } : { key, host };
}

/** As the book knows it. */
export function flat(suspicion: Suspicion): Suspicion & Pick<DiscrepancyRecord, 'key' | 'host'> {
  const { host = null, key } = suspicion.place;
  return { ...suspicion, key, host };
}

/** For the log. */
export function fieldsOf(
  of: Pick<DiscrepancyRecord, 'facet' | 'class' | 'key' | 'host' | 'volume' | 'want' | 'seen'>,
): object {
  const { facet, class: sort, key, host, volume, want, seen } = of;
  return { facet, class: sort, key, host, resource: volume && volumeResource(volume), want, seen };
}

/**
 * The record of a thing that was found wrong. What is wrong in another way than before is another discrepancy of the same
 * thing: it begins anew, but how often it was repaired is not forgotten.
 */
export function sighted(
  before: DiscrepancyRecord | null,
  suspicion: Suspicion,
  by: { remedy: Remedy; name: string; at: Instant },
): DiscrepancyRecord {
  const { class: sort, facet, place, snapshot, volume, want, seen } = suspicion;
  const { name, does, why } = by.remedy;
  const isSame = before?.class === sort && before.remedy.name === name;
  const isKnown = before !== null && isSame && before.state !== 'repaired';
  const record: DiscrepancyRecord = {
    facet,
    class: sort,
    key: place.key,
    host: place.host ?? null,
    volume,
    account: snapshot?.record?.account ?? snapshot?.tombstone?.account ?? snapshot?.owner ?? null,
    want,
    seen,
    seenBy: by.name,
    recordIndex: snapshot?.recordIndex ?? 0,
    intents: suspicion.intents,
    firstSeenAt: isKnown ? before.firstSeenAt : by.at,
    lastSeenAt: by.at,
    remedy: { name, does, why },
    state: isKnown ? before.state : 'seen-once',
    intent: before?.intent ?? null,
    repairs: before?.repairs ?? 0,
    parked: isKnown ? before.parked : null,
    accepted: isKnown ? before.accepted : null,
    history: before?.history ?? [],
  };
  return isKnown ? record : withEvent(record, { at: by.at, note: why });
}

/** The record in another state, and in its history why. The same state again is no event. */
export function turned(
  record: DiscrepancyRecord,
  state: DiscrepancyState,
  by: { at: Instant; note: string },
): DiscrepancyRecord {
  const { accepted, parked } = record;
  const after = {
    ...record,
    state,
    parked: state === 'parked' ? (parked ?? by.note) : null,
    accepted: state === 'accepted' ? accepted : null,
  };
  return record.state === state ? after : withEvent(after, by);
}

/** A repair of it was recorded. */
export function filed(record: DiscrepancyRecord, intent: IntentId, at: Instant): DiscrepancyRecord {
  const counted = { ...record, intent, repairs: record.repairs + 1 };
  return turned(counted, 'repairing', { at, note: `intent ${intent}` });
}

/** Its repair cannot be recorded as things stand: after so many times a person is told why. */
export function refused(
  record: DiscrepancyRecord,
  most: number,
  by: { at: Instant; note: string },
): DiscrepancyRecord {
  const counted = { ...record, repairs: record.repairs + 1 };
  return counted.repairs < most ? withEvent(counted, by) : turned(counted, 'parked', by);
}

/** A person has said that it may stay. Said again it is an event again: reason and end have changed. */
export function acceptedBy(
  record: DiscrepancyRecord,
  { at, by, reason, until }: { at: Instant; by: string; reason: string; until: Instant },
): DiscrepancyRecord {
  const accepted = { ...record, state: 'accepted', accepted: { by, reason, until }, parked: null } as const;
  return withEvent(accepted, { at, note: `${by}: ${reason}` });
}

/** A person has said that it counts: what was tried before no longer does. */
export function reopenedBy(
  record: DiscrepancyRecord,
  { at, by, reason }: { at: Instant; by: string; reason: string },
): DiscrepancyRecord {
  return turned({ ...record, repairs: 0 }, 'confirmed', { at, note: `${by}: ${reason}` });
}

function withEvent(
  record: DiscrepancyRecord,
  { at, note }: { at: Instant; note: string },
): DiscrepancyRecord {
  const event = { at, state: record.state, note };
  return { ...record, history: [...record.history, event].slice(-HISTORY_MAX) };
}
