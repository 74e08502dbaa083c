import { isIn, volumeResource } from '@plumbline/domain';
import type {
  DiscrepancyClass,
  Expectation,
  Facet,
  FacetName,
  Json,
  Part,
  Place,
  Snapshot,
  Source,
  VolumeId,
} from '@plumbline/domain';

/**
 * Compares the registry with every source, both ways, by merging sorted listings: whatever is next in any of them is
 * looked at in all. Constant memory, and nothing that exists anywhere is passed over. What comes out are suspicions: a
 * listing is older than the record beside it, so each is looked at again before it counts.
 */
export interface Suspicion {
  readonly facet: FacetName;
  readonly class: DiscrepancyClass;
  readonly place: Place;
  readonly volume: VolumeId | null;
  readonly want: Json;
  readonly seen: Json;
  readonly snapshot: Snapshot | null;
  /** How many intents the volume had had when it was looked at by itself; nought: it was only listed, or is a stranger's. */
  readonly intents: number;
}

export interface WalkPorts {
  /** The ids of all volumes that have a record, sorted, from behind `after` on. */
  volumeIds(after: VolumeId | null): AsyncIterable<VolumeId>;
  /** So many at once, in their order. */
  read(resources: readonly ReturnType<typeof volumeResource>[]): Promise<readonly Snapshot[]>;
  readonly sources: readonly Source[];
  /** A source that cannot be listed leaves the pass: what it holds is unknown, never missing. */
  unknown(facet: FacetName, error: unknown): void;
  /** The same of a part of it, such as a host or a VM: of the rest it says what there is. */
  unasked(facet: FacetName, part: Part): void;
}

type Item = Place & { readonly seen: Json };

/** One sorted listing, read ahead by one item. */
class Cursor<T> {
  private head: T | undefined;
  private readonly iterator: AsyncIterator<T>;

  constructor(items: AsyncIterable<T>) {
    this.iterator = items[Symbol.asyncIterator]();
  }

  async peek(): Promise<T | undefined> {
    if (this.head === undefined) {
      const next = await this.iterator.next();
      this.head = next.done === true ? undefined : next.value;
    }
    return this.head;
  }

  take(): void {
    this.head = undefined;
  }
}

interface Listing {
  readonly facet: Facet;
  readonly cursor: Cursor<Item>;
  readonly unasked: readonly Part[];
  lost: boolean;
}

/** A place of a listing after the last volume: strangers' things. */
const AFTER_ALL = '~';
/** Volumes whose records are read together: the registry answers so many as cheaply as one. */
export const READ_AT_ONCE = 16;

/** A volume that was come to: how much of each facet was listed for it, and how much is expected where it was asked. */
export interface Looked {
  readonly looked: VolumeId;
  readonly counts: readonly {
    readonly facet: FacetName;
    readonly listed: number;
    readonly expected: number;
    readonly unasked: number;
  }[];
}

/** @param after the volume behind which it begins: who goes on with another's pass */
export async function* suspicionsOf(
  ports: WalkPorts,
  signal: AbortSignal,
  after: VolumeId | null = null,
): AsyncGenerator<Suspicion | Looked> {
  const ids = new Cursor(ports.volumeIds(after));
  const listings = ports.sources.map((source) => listingOf(ports, source, { after, signal }));
  for (;;) {
    signal.throwIfAborted();
    const listed: { volume: VolumeId; items: ReadonlyMap<Listing, readonly Item[]> }[] = [];
    let next = await firstOf(ids, listings, ports);
    while (next !== null && next !== AFTER_ALL && listed.length < READ_AT_ONCE) {
      const volume = next as VolumeId;
      if ((await ids.peek()) === volume) ids.take();
      const items = new Map<Listing, readonly Item[]>();
      for (const listing of listings) items.set(listing, await itemsOf(listing, volume, ports));
      listed.push({ volume, items });
      next = await firstOf(ids, listings, ports);
    }
    const snapshots = await ports.read(listed.map(({ volume }) => volumeResource(volume)));
    for (const [at, { volume, items }] of listed.entries()) {
      const snapshot = snapshots[at]!;
      const counts: Looked['counts'][number][] = [];
      for (const [{ facet, lost, unasked }, found] of items) {
        if (lost) continue;
        const isUnasked = (place: Place) => unasked.some((part) => isIn(part, place));
        for (const one of judge(facet, volume, snapshot, found))
          if (one.class !== 'missing' || !isUnasked(one.place)) yield one;
        const wanted = snapshot.record === null ? [] : facet.expected(snapshot.record);
        const nobodyKnows = wanted.filter(isUnasked).length;
        const expected = wanted.length - nobodyKnows;
        counts.push({ facet: facet.name, listed: found.length, expected, unasked: nobodyKnows });
      }
      yield { looked: volume, counts };
    }
    if (next === AFTER_ALL) yield* strangers(listings, ports);
    if (next === null || next === AFTER_ALL) return;
  }
}

/** What differs for one volume in one facet. A resource with a lane is somebody's work: it is passed over. */
export function* judge(
  facet: Facet,
  volume: VolumeId,
  snapshot: Snapshot,
  items: readonly Item[],
): Generator<Suspicion> {
  if (snapshot.lane !== null) return;
  const expected = snapshot.record === null ? [] : facet.expected(snapshot.record);
  for (const want of expected) {
    const item = items.find((candidate) => samePlace(candidate, want));
    const seen = item?.seen ?? null;
    if (facet.holds(want.want, seen)) continue;
    const found = item === undefined ? 'missing' : 'different';
    yield suspicion(facet, found, { volume, snapshot, place: want, want: want.want, seen });
  }
  for (const item of items) {
    if (expected.some((want) => samePlace(item, want))) continue;
    if (facet.holds(null, item.seen) || facet.rests?.(item.seen, snapshot) === true) continue;
    yield suspicion(facet, 'unexpected', { volume, snapshot, place: item, want: null, seen: item.seen });
  }
}

function suspicion(
  facet: Facet,
  found: DiscrepancyClass,
  about: { volume: VolumeId | null; snapshot: Snapshot | null; place: Place; want: Json; seen: Json },
): Suspicion {
  const { key, host } = about.place;
  const place = host === undefined ? { key } : { key, host };
  return { ...about, facet: facet.name, class: found, place, intents: 0 };
}

function samePlace(one: Place, other: Place | Expectation): boolean {
  return one.key === other.key && one.host === other.host;
}

function listingOf(
  ports: WalkPorts,
  source: Source,
  { after, signal }: { after: VolumeId | null; signal: AbortSignal },
): Listing {
  const { facet } = source;
  const unasked: Part[] = [];
  const items = source.list(signal, (part) => {
    unasked.push(part);
    ports.unasked(facet.name, part);
  });
  return { facet, cursor: new Cursor(behind(facet, items, after)), unasked, lost: false };
}

async function* behind(
  facet: Facet,
  items: AsyncIterable<Item>,
  after: VolumeId | null,
): AsyncGenerator<Item> {
  for await (const item of items) {
    if (after !== null && (facet.volumeOf(item.key) ?? AFTER_ALL) <= after) continue;
    yield item;
  }
}

async function* strangers(listings: readonly Listing[], ports: WalkPorts): AsyncGenerator<Suspicion> {
  for (const listing of listings) {
    for (let item = await peek(listing, ports); item !== undefined; item = await peek(listing, ports)) {
      listing.cursor.take();
      const about = { volume: null, snapshot: null, place: item, want: null, seen: item.seen };
      yield suspicion(listing.facet, 'unexpected', about);
    }
  }
}

async function itemsOf(listing: Listing, volume: VolumeId, ports: WalkPorts): Promise<readonly Item[]> {
  const items: Item[] = [];
  for (let item = await peek(listing, ports); item !== undefined; item = await peek(listing, ports)) {
    if (listing.facet.volumeOf(item.key) !== volume) break;
    listing.cursor.take();
    items.push(item);
  }
  return items;
}

async function peek(listing: Listing, ports: WalkPorts): Promise<Item | undefined> {
  if (listing.lost) return undefined;
  try {
    return await listing.cursor.peek();
  } catch (error) {
    listing.lost = true;
    ports.unknown(listing.facet.name, error);
    return undefined;
  }
}

async function firstOf(
  ids: Cursor<VolumeId>,
  listings: readonly Listing[],
  ports: WalkPorts,
): Promise<string | null> {
  let first: string | null = (await ids.peek()) ?? null;
  for (const listing of listings) {
    const item = await peek(listing, ports);
    if (item === undefined) continue;
    const volume = listing.facet.volumeOf(item.key) ?? AFTER_ALL;
    if (first === null || volume < first) first = volume;
  }
  return first;
}
