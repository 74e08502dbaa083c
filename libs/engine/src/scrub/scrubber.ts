import { volumeResource } from '@plumbline/domain';
import type {
  DiscrepancyRecord,
  FacetName,
  Instant,
  LaneEntry,
  PassReport,
  Remedy,
  ScrubSettings,
  ScrubStatus,
  Source,
  VolumeId,
} from '@plumbline/domain';
import { inBatches } from './batches.js';
import { brakeIfRewound, brakeOf, causesOf } from './brakes.js';
import { lookAtOne } from './look.js';
import type { ScrubberPorts } from './ports.js';
import { fieldsOf, flat, placeOf, remedyFor, sighted, turned } from './records.js';
import { Repairs, confirmed } from './repairs.js';
import { Sightings, nameOf } from './sightings.js';
import { countVolume, countsOf, talliesOf } from './tally.js';
import type { Tally } from './tally.js';
import { suspicionsOf } from './walk.js';
import type { Suspicion } from './walk.js';

/** Shorter pauses cost more than they spare. */
const PAUSE_MIN_MS = 50;
const PUBLISH_MS = 2_000;
/** Single looks under way at once: each waits for the registry and for its source, and costs neither much. */
const LOOKS_AT_ONCE = 8;
/** Discrepancies kept of ours, and of strangers' things; what is beyond is counted, and brakes, but has no record. */
const KEPT_MAX = { ours: 10_000, strangers: 1_000 };
/** How long what is repaired is still shown. */
const REPAIRED_SHOWN_MS = 24 * 3600 * 1000;
/** Progress of another process that is older than this is not gone on with: too much has changed behind it. */
const PROGRESS_LIFE_MS = 3600 * 1000;

/** One pass, as far as it has come. */
interface Pass {
  readonly pass: number;
  readonly startedAt: Instant;
  looked: number;
  after: VolumeId | null;
  confirmed: number;
  healed: number;
  filed: number;
  readonly tallies: ReadonlyMap<FacetName, Tally>;
}

/**
 * Looks at everything in every source, again at whatever looked wrong, and has repaired what may be. It reads only: what it
 * changes are its own notes, and what it wants done it records as intents, like anybody else.
 *
 * Nothing is repaired before a pass is at its end: only then it is known how much is wrong, and much that is wrong is no
 * drift but an accident, in which a repair would do harm.
 */
export class Scrubber {
  private readonly sightings: Sightings;
  private readonly repairs: Repairs;
  private known = new Map<string, DiscrepancyRecord>();
  private publishedMs = Number.NEGATIVE_INFINITY;
  private last: PassReport | null = null;
  private settings: ScrubSettings | null = null;

  constructor(private readonly ports: ScrubberPorts) {
    this.sightings = new Sightings(ports.silenceMs);
    this.repairs = new Repairs(ports);
  }

  /** What was seen once before the lead was lost, or before a halt, says nothing now. */
  forget(): void {
    this.sightings.clear();
  }

  /** What the last whole pass came to, as far as this process led it or knows of it. */
  get report(): PassReport | null {
    return this.last;
  }

  get discrepancies(): readonly DiscrepancyRecord[] {
    return [...this.known.values()];
  }

  /** @throws Refusal when the registry cannot be asked; the abort's reason */
  async pass(signal: AbortSignal): Promise<PassReport> {
    this.settings = await this.ports.desk.settings();
    await this.readBook();
    const pass = await this.begin();
    await this.walk(pass, signal);
    await this.lookAtKnown(pass, signal);
    if (this.sightings.all().length > 0) await this.ports.sleep(this.ports.silenceMs, signal);
    await this.lookAgain(pass, signal);
    const braked = await this.brake(pass);
    await this.readBook();
    // An operator's word counts from when it is given, not from the next pass on.
    const decided = { known: this.known, settings: await this.ports.desk.settings(), braked };
    pass.filed = await this.repairs.file(decided, signal);
    return await this.end(pass);
  }

  private async readBook(): Promise<void> {
    const records = await this.ports.book.list();
    this.known = new Map(
      records.map((record) => [nameOf({ facet: record.facet, place: placeOf(record) }), record]),
    );
  }

  /** Goes on with the pass of whoever led before, if that was not long ago. */
  private async begin(): Promise<Pass> {
    const { desk, sources } = this.ports;
    const before = await desk.status();
    this.last = before?.last ?? this.last;
    const now = this.ports.now();
    const left = before !== null && now - before.at < PROGRESS_LIFE_MS ? before.pass : null;
    return {
      pass: left?.pass ?? (before?.last?.pass ?? 0) + 1,
      startedAt: left?.startedAt ?? now,
      looked: left?.looked ?? 0,
      after: left?.after ?? null,
      confirmed: 0,
      healed: 0,
      filed: 0,
      tallies: talliesOf(
        sources.map(({ facet }) => facet.name),
        left?.facets ?? [],
      ),
    };
  }

  private async walk(pass: Pass, signal: AbortSignal): Promise<void> {
    const { journal, log, sources } = this.ports;
    const ports = {
      volumeIds: (after: VolumeId | null) => this.ports.volumeIds(after),
      read: journal.read.bind(journal),
      sources,
      unknown: (facet: FacetName, err: unknown) => {
        const tally = pass.tallies.get(facet);
        if (tally !== undefined) tally.lost = true;
        log.warn({ facet, err }, 'source could not be listed');
      },
    };
    const beganMs = this.ports.monotonicMs();
    const lookedBefore = pass.looked;
    for await (const item of suspicionsOf(ports, signal, pass.after)) {
      if ('looked' in item) {
        pass.looked += 1;
        pass.after = item.looked;
        countVolume(pass.tallies, item);
        await this.publish(pass);
        await this.keepPace(pass.looked - lookedBefore, beganMs, signal);
        continue;
      }
      // A listing is older than the record beside it: it only tells where to look.
      const seen = await lookAtOne(this.ports, item, signal);
      if (seen !== null && seen !== 'unknown') await this.see(seen);
    }
  }

  /** A steady pace leaves the sources to those who work: without it a pass takes what it can get. */
  private async keepPace(looked: number, beganMs: number, signal: AbortSignal): Promise<void> {
    const { volumesPerSecond } = this.ports;
    const aheadMs = (looked / volumesPerSecond) * 1000 - (this.ports.monotonicMs() - beganMs);
    if (aheadMs > PAUSE_MIN_MS) await this.ports.sleep(aheadMs, signal);
  }

  /** What is on the list already: whether it still is so. */
  private async lookAtKnown(pass: Pass, signal: AbortSignal): Promise<void> {
    await inBatches([...this.known.values()], LOOKS_AT_ONCE, async (record) => {
      signal.throwIfAborted();
      if (record.state === 'repaired') return await this.forgetRepaired(record);
      if (this.isOff(record.remedy)) return;
      const place = placeOf(record);
      const look = await lookAtOne(this.ports, { ...record, place }, signal);
      if (look === 'unknown') return await this.follow(record);
      if (look !== null) return await this.see(look);
      await this.heal(pass, record);
    });
  }

  private async heal(pass: Pass, record: DiscrepancyRecord): Promise<void> {
    const at = this.ports.now();
    this.sightings.forget({ facet: record.facet, place: placeOf(record) });
    const isNews = record.state !== 'seen-once';
    await this.ports.book.change(record, (now) =>
      now !== null && now.state !== 'seen-once'
        ? turned(now, 'repaired', { at, note: 'agrees again' })
        : null,
    );
    if (!isNews) return;
    pass.healed += 1;
    this.ports.log.info(fieldsOf(record), 'discrepancy is gone');
  }

  private async forgetRepaired(record: DiscrepancyRecord): Promise<void> {
    if (this.ports.now() - record.lastSeenAt < REPAIRED_SHOWN_MS) return;
    await this.ports.book.change(record, (now) => (now?.state === 'repaired' ? null : now));
  }

  /** What somebody works on cannot be looked at; but a repair of ours that waits for a person is to be told of. */
  private async follow(record: DiscrepancyRecord): Promise<void> {
    if (record.volume === null || record.state === 'parked') return;
    const { lane } = await this.ports.journal.read(volumeResource(record.volume));
    const head = lane?.entries[0];
    const parked = head?.parked ?? null;
    if (head === undefined || parked === null || !this.isRepairOf(record, head)) return;
    await this.change(record, (now) => ({
      ...turned(now, 'parked', { at: this.ports.now(), note: parked.reason }),
      intent: head.intent,
    }));
    this.ports.log.error({ ...fieldsOf(record), reason: parked.reason }, 'repair waits for a person');
  }

  /** By its kind where none is noted: whoever files one may die before that is written down. */
  private isRepairOf({ facet: name, intent, remedy }: DiscrepancyRecord, head: LaneEntry): boolean {
    if (intent !== null) return head.intent === intent;
    const facet = this.ports.sources.find((source) => source.facet.name === name)?.facet;
    return facet?.remedies.find((one) => one.name === remedy.name)?.files?.kind === head.kind;
  }

  /** What is still the same at the same index, so much later, counts. */
  private async lookAgain(pass: Pass, signal: AbortSignal): Promise<void> {
    await inBatches(this.sightings.all(), LOOKS_AT_ONCE, async (suspicion) => {
      signal.throwIfAborted();
      const again = await lookAtOne(this.ports, suspicion, signal);
      if (again === 'unknown') return;
      if (again === null) {
        this.sightings.forget(suspicion);
        const known = this.known.get(nameOf(suspicion));
        if (known !== undefined) await this.heal(pass, known);
        return;
      }
      const counts = this.sightings.see(again, this.instant());
      if (counts === null) return;
      await this.confirm(pass, again);
    });
  }

  private async confirm(pass: Pass, suspicion: Suspicion): Promise<void> {
    const facet = this.sourceOf(suspicion)?.facet;
    if (facet === undefined) return;
    const remedy = remedyFor(facet, suspicion);
    const tally = pass.tallies.get(suspicion.facet);
    if (tally !== undefined && suspicion.volume !== null) tally.found[suspicion.class] += 1;
    if (this.isFull(suspicion)) {
      if (tally !== undefined && suspicion.volume !== null) tally.beyond += 1;
      return;
    }
    const by = { remedy, name: this.ports.name, at: this.ports.now() };
    const before = this.known.get(nameOf(suspicion)) ?? null;
    const after = await this.ports.book.change(flat(suspicion), (now) =>
      confirmed(sighted(now, suspicion, by), by.at),
    );
    if (after !== null) this.known.set(nameOf(suspicion), after);
    if (before !== null && before.state !== 'seen-once') return;
    pass.confirmed += 1;
    const { does, name, why } = remedy;
    this.ports.log.warn({ ...fieldsOf(flat(suspicion)), remedy: name, does, why }, 'discrepancy confirmed');
  }

  private isFull({ facet, place, volume }: Suspicion): boolean {
    if (this.known.has(nameOf({ facet, place }))) return false;
    const isStranger = volume === null;
    const kept = [...this.known.values()].filter((one) => (one.volume === null) === isStranger).length;
    return kept >= (isStranger ? KEPT_MAX.strangers : KEPT_MAX.ours);
  }

  /** Notes a first sighting, here and on the list. */
  private async see(suspicion: Suspicion): Promise<void> {
    const facet = this.sourceOf(suspicion)?.facet;
    if (facet === undefined) return;
    const remedy = remedyFor(facet, suspicion);
    if (this.isOff(remedy)) return this.sightings.forget(suspicion);
    this.sightings.see(suspicion, this.instant());
    if (this.known.has(nameOf(suspicion)) || this.isFull(suspicion)) return;
    const by = { remedy, name: this.ports.name, at: this.ports.now() };
    const record = await this.ports.book.change(flat(suspicion), (now) => sighted(now, suspicion, by));
    if (record !== null) this.known.set(nameOf(suspicion), record);
  }

  /** @returns the facets of which nothing is repaired */
  private async brake(pass: Pass): Promise<ReadonlySet<FacetName>> {
    const { desk, log, sources } = this.ports;
    await brakeIfRewound(this.ports);
    const [standing, releases] = [await desk.brakes(), await desk.releases()];
    const braked = new Set(standing.map(({ facet }) => facet));
    await this.readBook();
    for (const { facet } of sources) {
      const tally = pass.tallies.get(facet.name);
      if (tally === undefined) continue;
      // What could not be listed is unknown, and so is how much of it is wrong.
      if (tally.lost) {
        braked.add(facet.name);
        continue;
      }
      const records = [...this.known.values()].filter((record) => record.facet === facet.name);
      const wrong = causesOf(records, facet.causeOf?.bind(facet)) + tally.beyond;
      const release = releases.find((one) => one.facet === facet.name) ?? null;
      // What has a common cause may all go at once: one VM that is off takes all of its disks with it.
      const before = facet.causeOf ? null : this.last?.facets.find((one) => one.facet === facet.name);
      const listedBefore = before?.objects ?? null;
      const { listed, things } = tally;
      const of = { facet: facet.name, things, listed, listedBefore, wrong };
      const brake = brakeOf(of, release, this.ports.now());
      if (release !== null && brakeOf(of, null, 0) === null) await desk.expire(release);
      if (brake === null || braked.has(facet.name)) continue;
      await desk.engage(brake);
      braked.add(facet.name);
      log.error({ ...brake }, 'brake is on: nothing of this facet is repaired');
    }
    return braked;
  }

  private async end(pass: Pass): Promise<PassReport> {
    await this.readBook();
    const waiting = [...this.known.values()].filter(({ remedy, state }) =>
      state === 'parked' ? true : state === 'confirmed' && remedy.does !== 'repair',
    );
    const open = [...this.known.values()].filter(({ state }) => state !== 'repaired' && state !== 'accepted');
    const oldestAt = open.reduce<Instant | null>(
      (oldest, { firstSeenAt }) => (oldest === null || firstSeenAt < oldest ? firstSeenAt : oldest),
      null,
    );
    this.last = {
      pass: pass.pass,
      startedAt: pass.startedAt,
      endedAt: this.ports.now(),
      volumes: pass.looked,
      facets: countsOf(pass.tallies),
      confirmed: pass.confirmed,
      healed: pass.healed,
      filed: pass.filed,
      waiting: waiting.length,
      oldestAt,
    };
    await this.ports.desk.publish(this.status(null));
    return this.last;
  }

  private async publish(pass: Pass): Promise<void> {
    const nowMs = this.ports.monotonicMs();
    if (nowMs - this.publishedMs < PUBLISH_MS) return;
    this.publishedMs = nowMs;
    await this.ports.desk.publish(this.status(pass));
  }

  private status(pass: Pass | null): ScrubStatus {
    const { name, volumesPerSecond } = this.ports;
    return {
      leader: name,
      at: this.ports.now(),
      perSecond: volumesPerSecond,
      last: this.last,
      pass: pass && {
        pass: pass.pass,
        startedAt: pass.startedAt,
        looked: pass.looked,
        expected: this.last?.volumes ?? null,
        after: pass.after,
        facets: countsOf(pass.tallies),
      },
    };
  }

  private async change(
    about: DiscrepancyRecord,
    edit: (record: DiscrepancyRecord) => DiscrepancyRecord,
  ): Promise<void> {
    await this.ports.book.change(about, (now) => now && edit(now));
  }

  private isOff({ name }: Pick<Remedy, 'name'>): boolean {
    return this.settings?.modes[name] === 'off';
  }

  private sourceOf({ facet }: Suspicion): Source | undefined {
    return this.ports.sources.find((source) => source.facet.name === facet);
  }

  private instant(): { monotonicMs: number; at: Instant } {
    return { monotonicMs: this.ports.monotonicMs(), at: this.ports.now() };
  }
}
