import { inspect, volumeResource } from '@plumbline/domain';
import type { Expectation, Snapshot, Source, VolumeId } from '@plumbline/domain';
import { inBatches } from './batches.js';
import type { Gates } from './gates.js';
import type { ScrubberPorts } from './ports.js';
import { READ_AT_ONCE, judge } from './walk.js';
import type { Suspicion } from './walk.js';

/** Looks under way at once. */
const LOOKS_AT_ONCE = 8;

/**
 * What seems wrong with these volumes, each looked at by its record. It finds what should be there and is not, or is
 * otherwise; what should not be there is found where the sources are listed. As in a walk these are suspicions.
 */
export async function recentSuspicions(
  ports: Pick<ScrubberPorts, 'journal' | 'log'> & { readonly gates: Gates },
  volumes: readonly VolumeId[],
  signal: AbortSignal,
): Promise<readonly Suspicion[]> {
  const { gates, journal } = ports;
  const found: Suspicion[] = [];
  for (let from = 0; from < volumes.length; from += READ_AT_ONCE) {
    const some = volumes.slice(from, from + READ_AT_ONCE);
    await gates.registry.turn(some.length, signal);
    const snapshots = await gates.registry.timed('read', () =>
      Promise.all(some.map((volume) => journal.read(volumeResource(volume)))),
    );
    const looks = snapshots.flatMap((snapshot, at) => looksOf(gates.sources, some[at]!, snapshot));
    await inBatches(looks, LOOKS_AT_ONCE, async ({ snapshot, source, volume, want }) => {
      signal.throwIfAborted();
      try {
        const seen = await inspect(source, want, signal);
        const items = seen === null ? [] : [{ ...want, seen }];
        const [wrong] = [...judge(source.facet, volume, snapshot, items)].filter(
          ({ place }) => place.key === want.key && place.host === want.host,
        );
        if (wrong !== undefined) found.push(wrong);
      } catch (err) {
        ports.log.warn({ err, facet: source.facet.name, key: want.key }, 'suspicion could not be looked at');
      }
    });
  }
  return found;
}

interface Look {
  readonly source: Source;
  readonly volume: VolumeId;
  readonly snapshot: Snapshot;
  readonly want: Expectation;
}

/** What somebody works on is looked at when he has done: he says so again. */
function looksOf(sources: readonly Source[], volume: VolumeId, snapshot: Snapshot): readonly Look[] {
  const { lane, record } = snapshot;
  if (lane !== null || record === null) return [];
  return sources.flatMap((source) =>
    source.facet.expected(record).map((want) => ({ source, volume, snapshot, want })),
  );
}
