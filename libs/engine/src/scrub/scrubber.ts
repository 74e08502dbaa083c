import { volumeResource } from '@plumbline/domain';
import type {
  DiscrepancyRecord,
  FacetName,
  LaneEntry,
  PassReport,
  Instant,
  Remedy,
  ResourceName,
  ScrubPace,
  ScrubSettings,
  Source,
} from '@plumbline/domain';
import { inBatches } from './batches.js';
import { brakeBy, brakeIfRewound } from './brakes.js';
import { Changed } from './changed.js';
import { Gates } from './gates.js';
import { Known } from './known.js';
import { lookAtOne } from './look.js';
import { begun, coverageOf, reportOf, statusOf } from './pass.js';
import type { Pass } from './pass.js';
import type { ScrubberPorts } from './ports.js';
import { recentSuspicions } from './recent.js';
import { fieldsOf, flat, placeOf, remedyFor, sighted, turned } from './records.js';
import { Repairs, confirmed } from './repairs.js';
import { Sightings } from './sightings.js';
import { countVolume } from './tally.js';
import { suspicionsOf } from './walk.js';
import type { Suspicion, WalkPorts } from './walk.js';

const PUBLISH_MS = 2_000;
/** Single looks under way at once: each waits for the registry and for its source, and costs neither much. */
const LOOKS_AT_ONCE = 8;
/** How long what is repaired is still shown. */
const REPAIRED_SHOWN_MS = 24 * 3600 * 1000;
/** How often what was worked on a moment ago is looked at while a pass goes on, and how much of it at once. */
const RECENT_EVERY_MS = 5_000;
const RECENT_MAX = 100;

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
  private readonly gates: Gates;
  private readonly changed = new Changed();
  private readonly ports: ScrubberPorts;
  private known = new Known();
  private publishedMs = Number.NEGATIVE_INFINITY;
  private recentMs = Number.NEGATIVE_INFINITY;
  private last: PassReport | null = null;
  private settings: ScrubSettings | null = null;
  /** The pass that is under way, or was last; and how many volumes it is thought to have. */
  private present: { readonly pass: Pass; readonly expected: number | null } | null = null;

  constructor(ports: ScrubberPorts) {
    this.gates = new Gates(ports, (signal) => this.besideListing(signal));
    this.ports = { ...ports, sources: this.gates.sources };
    this.sightings = new Sightings(ports.silenceMs);
    this.repairs = new Repairs(this.ports);
  }

  /** Somebody has worked on it: it is looked at soon, if the word comes. May be said of anything, by anybody. */
  noteChanged(resource: ResourceName): void {
    this.changed.note(resource, this.ports.monotonicMs());
  }

  /** How fast each source is asked now. */
  get paces(): readonly ScrubPace[] {
    return this.gates.paces;
  }

  /** Between two passes: what was worked on a moment ago. @throws Refusal when the registry cannot be asked */
  async recent(signal: AbortSignal): Promise<void> {
    this.settings = await this.ports.desk.settings();
    await this.lookAtRecent(signal);
  }

  /** What was seen once before the lead was lost, or before a halt, says nothing now. */
  forget(): void {
    this.sightings.clear();
  }

  /** What part of each facet the present pass has looked at, or the last one, if none is under way. */
  get coverage(): ReturnType<typeof coverageOf> {
    return this.present === null ? [] : coverageOf(this.present.pass, this.present.expected);
  }

  /** What the last whole pass came to, as far as this process led it or knows of it. */
  get report(): PassReport | null {
    return this.last;
  }

  get discrepancies(): readonly DiscrepancyRecord[] {
    return this.known.all;
  }

  /** @throws Refusal when the registry cannot be asked; the abort's reason */
  async pass(signal: AbortSignal): Promise<PassReport> {
    this.settings = await this.ports.desk.settings();
    await this.readBook();
    const pass = await this.begin();
    // What was wrong a moment ago comes first, and again behind the walk, which may have taken hours.
    await this.lookAtKnown(pass, this.recentlyWrong(), { isListed: false, signal });
    await this.walk(pass, signal);
    await this.lookAtKnown(pass, this.known.all, { isListed: true, signal });
    if (this.sightings.all().length > 0) await this.ports.sleep(this.ports.silenceMs, signal);
    await this.lookAgain(pass, this.sightings.all(), signal);
    const braked = await this.brake(pass);
    await this.readBook();
    // An operator's word counts from when it is given, not from the next pass on.
    const decided = { known: this.known.all, settings: await this.ports.desk.settings(), braked };
    pass.filed = await this.repairs.file(decided, signal);
    return await this.end(pass);
  }

  private async readBook(): Promise<void> {
    this.known = new Known(await this.ports.book.list());
  }

  private async begin(): Promise<Pass> {
    const before = await this.ports.desk.status();
    this.last = before?.last ?? this.last;
    const pass = begun(before, this.ports);
    this.present = { pass, expected: this.last?.volumes ?? null };
    return pass;
  }

  private async walk(pass: Pass, signal: AbortSignal): Promise<void> {
    const { journal, log } = this.ports;
    const { registry, sources } = this.gates;
    const ports: WalkPorts = {
      volumeIds: (after) => this.ports.volumeIds(after, this.gates.besideRecords(signal)),
      read: async (resources) => {
        await registry.turn(resources.length, signal);
        return await registry.timed('read', () => Promise.all(resources.map((one) => journal.read(one))));
      },
      sources,
      unknown: (facet, err) => {
        const tally = pass.tallies.get(facet);
        if (tally !== undefined) tally.lost = true;
        log.warn({ facet, err }, 'source could not be listed');
      },
      unasked: (facet, part) => {
        pass.tallies.get(facet)?.parts.push(part);
        log.warn({ facet, ...part }, 'part of a source could not be asked');
      },
    };
    for await (const item of suspicionsOf(ports, signal, pass.after)) {
      if ('looked' in item) {
        pass.looked += 1;
        pass.after = item.looked;
        countVolume(pass.tallies, item);
        await this.publish(pass);
        await this.lookAtRecent(signal);
        continue;
      }
      await this.suspect(item, signal);
    }
  }

  /** What the registry holds may take minutes to be listed: whoever asks is told, and what has just changed does not wait. */
  private async besideListing(signal: AbortSignal): Promise<void> {
    if (this.present !== null) await this.publish(this.present.pass);
    await this.lookAtRecent(signal);
  }

  /** A listing is older than the record beside it: it only tells where to look. */
  private async suspect(suspicion: Suspicion, signal: AbortSignal): Promise<void> {
    const seen = await lookAtOne(this.ports, suspicion, signal);
    if (seen !== null && seen !== 'unknown') await this.see(seen);
  }

  /** What was worked on a moment ago does not wait for its place; what was suspected so is looked at again by itself, too. */
  private async lookAtRecent(signal: AbortSignal): Promise<void> {
    const nowMs = this.ports.monotonicMs();
    if (nowMs - this.recentMs < RECENT_EVERY_MS) return;
    this.recentMs = nowMs;
    const volumes = this.changed.take(RECENT_MAX, nowMs);
    const suspicions = await recentSuspicions({ ...this.ports, gates: this.gates }, volumes, signal);
    await inBatches(suspicions, LOOKS_AT_ONCE, (one) => this.suspect(one, signal));
    const worked = new Set<string | null>(volumes);
    const wrong = this.known.all.filter(({ volume }) => worked.has(volume));
    await this.lookAtKnown(null, wrong, { isListed: false, signal });
    const rested = this.sightings
      .restedSince(this.ports.monotonicMs())
      .filter((one) => isNew(this.known.of(one)));
    await this.lookAgain(null, rested.slice(0, RECENT_MAX), signal);
  }

  /** What is on the list already: whether it still is so. */
  private async lookAtKnown(
    pass: Pass | null,
    records: readonly DiscrepancyRecord[],
    { isListed, signal }: { isListed: boolean; signal: AbortSignal },
  ): Promise<void> {
    await inBatches(records, LOOKS_AT_ONCE, async (record) => {
      signal.throwIfAborted();
      if (record.state === 'repaired') return await this.forgetRepaired(record);
      if (this.isOff(record.remedy)) return;
      const place = placeOf(record);
      const look = await lookAtOne(this.ports, { ...record, place }, signal);
      if (look === 'unknown') return await this.follow(record);
      if (look !== null) return await this.see(look);
      if (isListed || !(await this.seemsGone(record))) await this.heal(pass, record);
    });
  }

  /** The newest that somebody has still to put right, so many that none of the rest has to wait for them. */
  private recentlyWrong(): readonly DiscrepancyRecord[] {
    return this.known.all
      .filter(({ state }) => state !== 'repaired' && state !== 'accepted')
      .sort((one, other) => other.lastSeenAt - one.lastSeenAt)
      .slice(0, RECENT_MAX);
  }

  /** A record whose owner is wrong seems gone until all records have been listed. */
  private async seemsGone({ recordIndex, volume }: DiscrepancyRecord): Promise<boolean> {
    if (volume === null || recordIndex === 0) return false;
    return (await this.ports.journal.read(volumeResource(volume))).record === null;
  }

  private async heal(pass: Pass | null, record: DiscrepancyRecord): Promise<void> {
    const at = this.ports.now();
    this.sightings.forget({ facet: record.facet, place: placeOf(record) });
    const isNews = !isNew(record);
    await this.change(record, (now) =>
      now !== null && now.state !== 'seen-once'
        ? turned(now, 'repaired', { at, note: 'agrees again' })
        : null,
    );
    if (!isNews) return;
    if (pass !== null) pass.healed += 1;
    this.ports.log.info(fieldsOf(record), 'discrepancy is gone');
  }

  private async forgetRepaired(record: DiscrepancyRecord): Promise<void> {
    const repairedAt = record.history.at(-1)?.at ?? record.lastSeenAt;
    if (this.ports.now() - repairedAt < REPAIRED_SHOWN_MS) return;
    await this.change(record, (now) => (now?.state === 'repaired' ? null : now));
  }

  /** What somebody works on cannot be looked at; but a repair of ours that waits for a person is to be told of. */
  private async follow(record: DiscrepancyRecord): Promise<void> {
    if (record.volume === null || record.state === 'parked') return;
    const { lane } = await this.ports.journal.read(volumeResource(record.volume));
    const head = lane?.entries[0];
    const parked = head?.parked ?? null;
    if (head === undefined || parked === null || !this.isRepairOf(record, head)) return;
    const by = { at: this.ports.now(), note: parked.reason };
    await this.change(record, (now) => now && { ...turned(now, 'parked', by), intent: head.intent });
    this.ports.log.error({ ...fieldsOf(record), reason: parked.reason }, 'repair waits for a person');
  }

  /** By its kind where none is noted: whoever files one may die before that is written down. */
  private isRepairOf({ facet: name, intent, remedy }: DiscrepancyRecord, head: LaneEntry): boolean {
    if (intent !== null) return head.intent === intent;
    const facet = this.ports.sources.find((source) => source.facet.name === name)?.facet;
    return facet?.remedies.find((one) => one.name === remedy.name)?.files?.kind === head.kind;
  }

  /** What is still the same at the same index, so much later, counts. */
  private async lookAgain(
    pass: Pass | null,
    suspicions: readonly Suspicion[],
    signal: AbortSignal,
  ): Promise<void> {
    await inBatches(suspicions, LOOKS_AT_ONCE, async (suspicion) => {
      signal.throwIfAborted();
      const again = await lookAtOne(this.ports, suspicion, signal);
      if (again === 'unknown') return;
      if (again === null) {
        this.sightings.forget(suspicion);
        const known = this.known.of(suspicion);
        if (known !== null) await this.heal(pass, known);
        return;
      }
      const facet = this.sourceOf(again)?.facet;
      if (facet === undefined) return;
      const remedy = remedyFor(facet, again);
      if (this.sightings.see(again, remedy.name, this.instant()) === null) return;
      await this.confirm(pass, again, remedy);
    });
  }

  private async confirm(pass: Pass | null, suspicion: Suspicion, remedy: Remedy): Promise<void> {
    const tally = pass?.tallies.get(suspicion.facet);
    if (tally !== undefined && suspicion.volume !== null) tally.found[suspicion.class] += 1;
    if (this.known.isFullFor(suspicion)) {
      if (tally !== undefined && suspicion.volume !== null) tally.beyond += 1;
      return;
    }
    const by = { remedy, name: this.ports.name, at: this.ports.now() };
    const before = this.known.of(suspicion);
    await this.change(flat(suspicion), (now) => confirmed(sighted(now, suspicion, by), by.at));
    if (before !== null && !isNew(before)) return;
    if (pass !== null) pass.confirmed += 1;
    const { does, name, why } = remedy;
    this.ports.log.warn({ ...fieldsOf(flat(suspicion)), remedy: name, does, why }, 'discrepancy confirmed');
  }

  /** Notes a first sighting, here and on the list. */
  private async see(suspicion: Suspicion): Promise<void> {
    const facet = this.sourceOf(suspicion)?.facet;
    if (facet === undefined) return;
    const remedy = remedyFor(facet, suspicion);
    if (this.isOff(remedy)) return this.sightings.forget(suspicion);
    this.sightings.see(suspicion, remedy.name, this.instant());
    if (this.known.of(suspicion) !== null || this.known.isFullFor(suspicion)) return;
    const by = { remedy, name: this.ports.name, at: this.ports.now() };
    await this.change(flat(suspicion), (now) => sighted(now, suspicion, by));
  }

  /** @returns the facets of which nothing is repaired */
  private async brake(pass: Pass): Promise<ReadonlySet<FacetName>> {
    await brakeIfRewound(this.ports);
    await this.readBook();
    return await brakeBy(pass, this.ports, { known: this.known.all, last: this.last });
  }

  private async end(pass: Pass): Promise<PassReport> {
    await this.readBook();
    this.last = reportOf(pass, { endedAt: this.ports.now(), known: this.known.all });
    this.present = { pass, expected: pass.looked };
    await this.tell(null);
    return this.last;
  }

  private async publish(pass: Pass): Promise<void> {
    const nowMs = this.ports.monotonicMs();
    if (nowMs - this.publishedMs < PUBLISH_MS) return;
    this.publishedMs = nowMs;
    await this.tell(pass);
  }

  private async tell(pass: Pass | null): Promise<void> {
    const { desk, name: leader, volumesPerSecond: perSecond } = this.ports;
    const of = { leader, at: this.ports.now(), perSecond, paces: this.paces, last: this.last };
    await desk.publish(statusOf(pass, of));
  }

  /** On the list, and in what this process knows of it. */
  private async change(
    about: Pick<DiscrepancyRecord, 'facet' | 'key' | 'host'>,
    edit: (now: DiscrepancyRecord | null) => DiscrepancyRecord | null,
  ): Promise<void> {
    const after = await this.ports.book.change(about, edit);
    if (after === null) this.known.remove(about);
    else this.known.add(after);
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

/** It does not count yet, or no longer. */
function isNew(record: DiscrepancyRecord | null): boolean {
  return record?.state === 'seen-once' || record?.state === 'repaired';
}
