import { inspect, volumeResource } from '@plumbline/domain';
import type { Json, Place, Snapshot, Source, VolumeId } from '@plumbline/domain';
import type { ScrubberPorts } from './ports.js';
import { nameOf } from './sightings.js';
import { judge } from './walk.js';
import type { Suspicion } from './walk.js';

/** Agreed, differs, or nobody can tell now. */
export type Look = null | Suspicion | 'unknown';

type LookPorts = Pick<ScrubberPorts, 'journal' | 'sources' | 'isOwed' | 'intents' | 'log'>;

/**
 * One thing, looked at by itself: the record, the thing, the record again. What somebody works on, what is still owed, and
 * what changed in between cannot be told; nor can what its source does not answer for.
 */
export async function lookAtOne(
  ports: LookPorts,
  { facet: name, volume, place }: Pick<Suspicion, 'facet' | 'volume' | 'place'>,
  signal: AbortSignal,
): Promise<Look> {
  const source = ports.sources.find((candidate) => candidate.facet.name === name);
  if (source === undefined) return 'unknown';
  try {
    if (volume === null) return await lookAtStrangers(source, place, signal);
    return await lookAtOurs(ports, source, { volume, place }, signal);
  } catch (err) {
    ports.log.warn({ err, facet: name, key: place.key }, 'suspicion could not be looked at');
    return 'unknown';
  }
}

async function lookAtOurs(
  ports: LookPorts,
  source: Source,
  { volume, place }: { volume: VolumeId; place: Place },
  signal: AbortSignal,
): Promise<Look> {
  const { facet } = source;
  const resource = volumeResource(volume);
  const before = await ports.journal.read(resource);
  if (before.lane !== null || (await ports.isOwed(facet.source, resource))) return 'unknown';
  const newest = await ports.intents(volume);
  const seen = (await inspect(source, place, signal)) ?? (await confirmed(source, place, before, signal));
  const after = await ports.journal.read(resource);
  if (!isUnchanged(before, after) || (await ports.intents(volume)) !== newest) return 'unknown';
  const items = seen === null ? [] : [{ ...place, seen }];
  const found = [...judge(facet, volume, before, items)];
  const about = nameOf({ facet: facet.name, place });
  const suspicion = found.find((one) => nameOf(one) === about);
  return suspicion === undefined ? null : { ...suspicion, intents: newest };
}

/** A name that stands for nothing is no proof that what it stood for is gone. */
async function confirmed(
  source: Source,
  place: Place,
  { record }: Snapshot,
  signal: AbortSignal,
): Promise<Json> {
  const expected = record === null ? [] : source.facet.expected(record);
  const wanted = expected.find(({ key, host }) => key === place.key && host === place.host);
  return wanted === undefined ? null : ((await source.confirm?.(place, wanted.want, signal)) ?? null);
}

async function lookAtStrangers(source: Source, place: Place, signal: AbortSignal): Promise<Look> {
  const seen = await inspect(source, place, signal);
  if (seen === null) return null;
  return {
    facet: source.facet.name,
    class: 'unexpected',
    place,
    volume: null,
    want: null,
    seen,
    snapshot: null,
    intents: 0,
  };
}

/** The same record and tombstone, and nobody at work on it. */
export function isUnchanged(before: Snapshot, after: Snapshot): boolean {
  return (
    after.lane === null &&
    after.recordIndex === before.recordIndex &&
    after.tombstoneIndex === before.tombstoneIndex
  );
}
