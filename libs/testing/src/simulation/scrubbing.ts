import type {
  AnyFacet,
  Brake,
  DiscrepancyRecord,
  Lane,
  LaneEntry,
  Place,
  ResourceName,
} from '@plumbline/domain';
import { definitionOf } from '@plumbline/engine';
import { broken } from './judgement.js';
import { Looks } from './looks.js';
import type { Judgement } from './judgement.js';
import type { SimulatedProcess } from './process.js';
import type { Change } from './register.js';
import { wrongOf } from './truth.js';
import type { Mistake, World } from './world.js';

/** As production waits between two looks, and after a delete. The second is shorter here: whole lives are short. */
export const SILENCE_MS = 10_000;
export const TRASH_KEPT_MS = 6_000;
/** A stamp has whole seconds. */
const STAMP_MS = 2_500;
/** What makes a sighting worthless: whatever somebody worked on in between. */
const MOVES: ReadonlySet<string> = new Set(['lanes', 'volumes', 'tombstones']);

/** For how long a thing has been seen wrong, and nothing else. */
interface Sighting {
  readonly firstMs: number;
  lastMs: number;
}

/** What one process has done since its round began. */
interface Round {
  readonly beganMs: number;
  /** Resources that it has looked at, wrong, since it decided what is to be repaired. */
  readonly looked: Set<string>;
}

/** A2 to A4 as far as the scrubber goes: what it may conclude from what it was shown, told from what it was shown. */
export class Scrubbing implements Judgement {
  readonly looks: Looks;
  /** When somebody last worked at a resource. */
  private readonly movedMs = new Map<string, number>();
  private readonly sightings = new Map<string, Map<string, Sighting>>();
  private readonly rounds = new Map<SimulatedProcess, Round>();
  private readonly brakesMs = new Map<string, number>();

  constructor(private readonly world: World) {
    this.looks = new Looks(world);
  }

  begins(by: SimulatedProcess): void {
    this.rounds.set(by, { beganMs: this.world.pool.nowMs, looked: new Set() });
  }

  decides(by: SimulatedProcess): void {
    this.rounds.get(by)?.looked.clear();
  }

  /** A look has come to its end: was it wrong, by what there is? While somebody moved, it tells nothing. */
  looked(by: SimulatedProcess, look: { facet: AnyFacet; place: Place; sentMs: number }): void {
    const { world } = this;
    const { facet, place, sentMs } = look;
    const id = facet.volumeOf(place.key);
    if (id === null) return;
    const resource: ResourceName = `volume/${id}`;
    this.looks.at(resource, 1);
    const of = this.sightings.get(resource) ?? new Map<string, Sighting>();
    this.sightings.set(resource, of);
    const name = `${facet.name} ${place.key}`;
    const movedMs = this.movedMs.get(resource) ?? 0;
    const isWrong = wrongOf(world, id, [facet]).some((one) => one.place.key === place.key);
    if (!isWrong || movedMs > sentMs) return void of.delete(name);
    this.rounds.get(by)?.looked.add(resource);
    const known = of.get(name);
    if (known !== undefined && known.firstMs >= movedMs) known.lastMs = world.pool.nowMs;
    else of.set(name, { firstMs: world.pool.nowMs, lastMs: world.pool.nowMs });
  }

  /** Told before it is sent: what was decided must have been looked at once more, and no brake have stood all the time. */
  files(by: SimulatedProcess, kind: string, resource: ResourceName): void {
    const { world } = this;
    const round = this.rounds.get(by);
    if (kind !== 'volume-purge' && round?.looked.has(resource) !== true)
      world.mistake('A2', `${kind} is filed, and nobody looked once more`, resource);
    for (const [facet, sinceMs] of this.brakesMs)
      if (sinceMs < (round?.beganMs ?? 0) && (kind === 'volume-purge' || this.isSeen(resource, facet)))
        world.mistake('A4', `${kind} is filed while a brake of ${facet} is on`, resource);
  }

  /** The registry was set back: what was known of it is not so any more. */
  forgets(): void {
    for (const known of [this.movedMs, this.sightings, this.brakesMs]) known.clear();
  }

  judge(changes: readonly Change[]): Mistake | null {
    for (const change of changes) {
      const found = change.what === 'lanes' ? this.lane(change) : null;
      if (found !== null) return found;
    }
    for (const { what, key, before, after } of changes) {
      if (what === 'lanes' && after === null) this.looks.laneEnded(`volume/${key.slice(-36)}`);
      if (what === 'lanes' && before === null) this.looks.laneBegan(`volume/${key.slice(-36)}`);
      const found = what === 'discrepancies' ? this.discrepancy(after as DiscrepancyRecord | null) : null;
      if (found !== null) return found;
      if (MOVES.has(what)) this.movedMs.set(`volume/${key.slice(-36)}`, this.world.pool.nowMs);
      if (what !== 'brakes') continue;
      if (after === null) this.brakesMs.delete(facetOf(key));
      else this.brakesMs.set((after as Brake).facet, this.world.pool.nowMs);
    }
    return null;
  }

  private discrepancy(record: DiscrepancyRecord | null): Mistake | null {
    if (record?.state !== 'confirmed') return null;
    this.world.faults.see('drift-found');
    return this.world.causes.confirmed(record);
  }

  /** Null where nothing of the scrubber's was recorded. */
  private lane({ before, after, key }: Change): Mistake | null {
    const known = (before as Lane | null)?.entries ?? [];
    const entries = (after as Lane | null)?.entries ?? [];
    const entry = entries.at(-1);
    if (entry === undefined || entries.length === 0) return null;
    if (known.some(({ intent }) => intent === entry.intent) || !this.isInternal(entry)) return null;
    const about = `volume/${key.slice(-36)}`;
    if (known.length > 0) return broken('A2', `${entry.kind} was filed behind somebody’s work`, about);
    return entry.kind === 'volume-purge' ? this.purge(about) : this.repair(about, entry);
  }

  private repair(about: string, { kind }: LaneEntry): Mistake | null {
    const movedMs = this.movedMs.get(about) ?? 0;
    const all = [...(this.sightings.get(about)?.values() ?? [])];
    const isSeen = all.some(({ firstMs, lastMs }) => firstMs >= movedMs && lastMs - firstMs >= SILENCE_MS);
    if (isSeen) return null;
    const [sighting] = all;
    const seen = sighting === undefined ? 'never' : `from ${sighting.firstMs} to ${sighting.lastMs} ms`;
    return broken('A2', `${kind} was filed for what was seen ${seen}, and worked on at ${movedMs} ms`, about);
  }

  private purge(about: string): Mistake | null {
    const { instantMs, register } = this.world;
    const tombstone = register.tombstones.get(about.slice(-36));
    if (tombstone === undefined || register.records.has(about))
      return broken('V3', 'what is to be purged was not deleted', about);
    if (tombstone.at + TRASH_KEPT_MS <= instantMs + STAMP_MS || this.world.clockWasSet) return null;
    return broken('V3', 'what can still be taken back is to be purged', about);
  }

  private isSeen(resource: string, facet: string): boolean {
    const others = [...(this.sightings.get(resource)?.keys() ?? [])];
    return others.length > 0 && others.every((name) => name.startsWith(`${facet} `));
  }

  private isInternal({ kind }: LaneEntry): boolean {
    return isInternal(this.world, kind);
  }
}

/** Whether nobody but the scrubber files it. */
export function isInternal({ rules }: World, kind: string): boolean {
  const { internal, operators } = definitionOf(rules.catalog, kind);
  return internal === true && operators !== true;
}

function facetOf(key: string): string {
  return key.split('/').at(-2) ?? '';
}
