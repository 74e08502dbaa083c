import { volumeResource } from '@plumbline/domain';
import type {
  DiscrepancyRecord,
  FacetName,
  Journal,
  ResourceName,
  Snapshot,
  Source,
  SourceName,
  VolumeId,
} from '@plumbline/domain';
import { Sightings, judge, nameOf, suspicionsOf } from '@plumbline/engine';
import type { Suspicion } from '@plumbline/engine';
import { Counter, Gauge, monotonicMs, sleep } from '@plumbline/platform';
import type { Log, Metrics } from '@plumbline/platform';

/** Shorter pauses cost more than they spare. */
const PAUSE_MIN_MS = 50;

export interface PassPorts {
  readonly journal: Journal;
  readonly sources: readonly Source[];
  volumeIds(): AsyncIterable<VolumeId>;
  /** True while the source has still to learn something of that resource: it cannot be right before. */
  isOwed(source: SourceName, resource: ResourceName): Promise<boolean>;
  /** Pace of a pass. */
  readonly volumesPerSecond: number;
  /** As long as a boot may be silent before it is fenced, and some more: what is under way then has ended. */
  readonly silenceMs: number;
  readonly discrepancies: {
    list(): Promise<readonly DiscrepancyRecord[]>;
    put(record: DiscrepancyRecord): Promise<void>;
    remove(record: DiscrepancyRecord): Promise<void>;
  };
  /** The registry's time. */
  now(): number;
  readonly log: Log;
  readonly metrics: Metrics;
}

export interface PassResult {
  readonly volumes: number;
  readonly suspicions: number;
  readonly confirmed: number;
  readonly healed: number;
  readonly unknown: readonly FacetName[];
}

/** Looks at everything once, and again at whatever looked wrong. Reads only; what it finds, it reports. */
export class Scrubber {
  private readonly sightings: Sightings;
  private readonly found: Gauge<'facet' | 'class'>;
  private readonly looked: Counter;

  constructor(private readonly ports: PassPorts) {
    this.sightings = new Sightings(ports.silenceMs);
    this.found = new Gauge({
      name: 'plumbline_discrepancies',
      help: 'Confirmed discrepancies.',
      labelNames: ['facet', 'class'],
      registers: [ports.metrics],
    });
    this.looked = new Counter({
      name: 'plumbline_scrub_volumes_total',
      help: 'Volumes that a pass has looked at.',
      registers: [ports.metrics],
    });
  }

  async pass(signal: AbortSignal): Promise<PassResult> {
    const unknown = new Set<FacetName>();
    let volumes = 0;
    let suspicions = 0;
    const ports = { ...this.ports, read: this.ports.journal.read.bind(this.ports.journal) };
    const lost = (facet: FacetName, err: unknown): void => {
      unknown.add(facet);
      this.ports.log.warn({ facet, err }, 'source could not be listed');
    };
    const beganMs = monotonicMs();
    for await (const item of suspicionsOf({ ...ports, unknown: lost }, signal)) {
      if ('looked' in item) {
        volumes += 1;
        this.looked.inc();
        // A steady pace leaves the sources to those who work: without it a pass takes what it can get.
        const aheadMs = (volumes / this.ports.volumesPerSecond) * 1000 - (monotonicMs() - beganMs);
        if (aheadMs > PAUSE_MIN_MS) await sleep(aheadMs, signal);
        continue;
      }
      suspicions += 1;
      // A listing is older than the record beside it: it only tells where to look.
      const seen = await this.look(item, signal);
      if (seen !== null && seen !== 'unknown') this.see(seen);
    }
    if (this.sightings.all().length > 0) await sleep(this.ports.silenceMs, signal);
    const confirmed = await this.lookAgain(signal);
    const healed = await this.lookAtKnown(signal);
    return { volumes, suspicions, confirmed, healed, unknown: [...unknown] };
  }

  /** What is still the same at the same index, so much later, counts and is reported. */
  private async lookAgain(signal: AbortSignal): Promise<number> {
    let confirmed = 0;
    for (const suspicion of this.sightings.all()) {
      signal.throwIfAborted();
      const again = await this.look(suspicion, signal);
      if (again === 'unknown') continue;
      if (again === null) {
        this.sightings.forget(suspicion);
        continue;
      }
      const firstSeenAt = this.see(again);
      if (firstSeenAt === null) continue;
      this.sightings.forget(again);
      confirmed += 1;
      await this.report(again, firstSeenAt);
    }
    return confirmed;
  }

  /** Discrepancies that are no more are taken off the list, whoever mended them. */
  private async lookAtKnown(signal: AbortSignal): Promise<number> {
    let healed = 0;
    this.found.reset();
    for (const record of await this.ports.discrepancies.list()) {
      signal.throwIfAborted();
      const place = record.host === null ? { key: record.key } : { key: record.key, host: record.host };
      const { facet, volume, want, seen } = record;
      const before: Suspicion = { facet, class: record.class, place, volume, want, seen, snapshot: null };
      const again = await this.look(before, signal);
      if (again === 'unknown' || (again !== null && again.class === record.class)) {
        this.found.inc({ facet, class: record.class });
        continue;
      }
      await this.ports.discrepancies.remove(record);
      this.ports.log.info({ ...fieldsOf(before) }, 'discrepancy is gone');
      healed += 1;
    }
    return healed;
  }

  /**
   * One thing, looked at by itself: the record, the thing, the record again. What somebody works on, what is still owed,
   * and what changed in between cannot be told.
   */
  private async look(
    { facet: name, volume, place }: Suspicion,
    signal: AbortSignal,
  ): Promise<Suspicion | null | 'unknown'> {
    const source = this.ports.sources.find((candidate) => candidate.facet.name === name);
    if (source === undefined) return 'unknown';
    try {
      if (volume === null) return await lookAtStrangers(source, place, signal);
      const resource = volumeResource(volume);
      const snapshot = await this.ports.journal.read(resource);
      if (snapshot.lane !== null || (await this.ports.isOwed(source.facet.source, resource)))
        return 'unknown';
      const seen = await source.observe(place, signal);
      if (!isUnchanged(snapshot, await this.ports.journal.read(resource))) return 'unknown';
      const items = seen === null ? [] : [{ ...place, seen }];
      const found = [...judge(source.facet, volume, snapshot, items)];
      return found.find((suspicion) => nameOf(suspicion) === nameOf({ facet: name, place })) ?? null;
    } catch (err) {
      this.ports.log.warn({ err, facet: name, key: place.key }, 'suspicion could not be looked at again');
      return 'unknown';
    }
  }

  private see(suspicion: Suspicion): number | null {
    return this.sightings.see(suspicion, { monotonicMs: monotonicMs(), at: this.ports.now() });
  }

  private async report(suspicion: Suspicion, firstSeenAt: number): Promise<void> {
    const source = this.ports.sources.find((candidate) => candidate.facet.name === suspicion.facet);
    if (source === undefined) return;
    const policy = source.facet.repairs[suspicion.class];
    await this.ports.discrepancies.put({
      facet: suspicion.facet,
      class: suspicion.class,
      key: suspicion.place.key,
      host: suspicion.place.host ?? null,
      volume: suspicion.volume,
      account: suspicion.snapshot?.record?.account ?? suspicion.snapshot?.tombstone?.account ?? null,
      want: suspicion.want,
      seen: suspicion.seen,
      recordIndex: suspicion.snapshot?.recordIndex ?? 0,
      firstSeenAt,
      lastSeenAt: this.ports.now(),
      policy,
    });
    this.ports.log.warn(
      { ...fieldsOf(suspicion), policy: policy.action, why: policy.why },
      'discrepancy confirmed',
    );
  }
}

async function lookAtStrangers(
  source: Source,
  place: Suspicion['place'],
  signal: AbortSignal,
): Promise<Suspicion | null> {
  const seen = await source.observe(place, signal);
  if (seen === null) return null;
  return {
    facet: source.facet.name,
    class: 'unexpected',
    place,
    volume: null,
    want: null,
    seen,
    snapshot: null,
  };
}

function isUnchanged(before: Snapshot, after: Snapshot): boolean {
  return after.lane === null && after.recordIndex === before.recordIndex;
}

function fieldsOf({ facet, class: found, place, volume, want, seen }: Suspicion): object {
  return {
    facet,
    class: found,
    key: place.key,
    host: place.host,
    resource: volume && `volume/${volume}`,
    want,
    seen,
  };
}
