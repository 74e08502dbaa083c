import type { AnyFacet, FacetName } from './facet.js';
import type { HostName } from './ids.js';
import type { Json } from './json.js';
import type { SourceName } from './sources.js';

/** Where a thing of a facet is: its key, and its host where the source has one worker per host. */
export interface Place {
  readonly key: string;
  readonly host?: HostName;
}

/** A part of a source that is asked by itself: what is on that host and has a key that begins so; all of the host when empty. */
export interface Part {
  readonly host: HostName;
  readonly under: string;
}

export function isIn({ host, under }: Part, place: Place): boolean {
  return place.host === host && place.key.startsWith(under);
}

/** A wanted state (null: gone), and what stood before it as far as the ledger knows. */
export interface Change {
  readonly want: Json;
  readonly before: Json;
}

/**
 * What stands now, or how long to wait before asking for the same change again. `lost`: it is not there, but it was not this
 * call that took it away, so that whoever had it may still live somewhere.
 */
export type Applied = { readonly seen: Json; readonly lost?: true } | { readonly waitMs: number };

export type Unasked = (part: Part) => void;

/** Waits until so many things more may be read. */
export type Turn = (things: number) => Promise<void>;

/** The read half of a facet's adapter. `observe` and `list` never write. */
export interface Source {
  readonly facet: AnyFacet;
  /** What is there, or null. Rejects when the source cannot be asked: an answer is never guessed. */
  observe(place: Place, signal: AbortSignal): Promise<Json>;
  /**
   * The same for whoever only asks whether it is right. Rejects also where nothing could be made right now, and so nothing
   * is wrong: what belongs into a VM that is not running. Absent: as `observe`.
   */
  inspect?(place: Place, signal: AbortSignal): Promise<Json>;
  /**
   * What has become of a thing that is not there by its name: looked for by whatever else tells it, such as an internal id
   * in what is wanted. Null: it is nowhere. Absent: there is nothing else to look by.
   */
  confirm?(place: Place, want: Json, signal: AbortSignal): Promise<Json>;
  /**
   * Everything of this facet, in the order of the volume ids that `facet.volumeOf` reads from the keys; strangers' things last.
   * @param unasked is told, before the first thing comes, of each part that cannot be asked: what is there is unknown, and
   * not listed. Without it a listing that would have to leave something out rejects.
   * @param turn is taken by whoever reads much more than is listed, for all that is read; the others leave it
   */
  list(signal: AbortSignal, unasked?: Unasked, turn?: Turn): AsyncIterable<Place & { readonly seen: Json }>;
}

/** Looks whether something is right: see `Source`. */
export function inspect(source: Source, place: Place, signal: AbortSignal): Promise<Json> {
  return source.inspect?.(place, signal) ?? source.observe(place, signal);
}

export interface Backend extends Source {
  /**
   * Makes it so. May be called again with the same change at any time, and its effect may land late. Long work returns
   * `{ waitMs }` and is asked again. Returns what stands then.
   */
  apply(place: Place, change: Change, signal: AbortSignal): Promise<Applied>;
  /** Takes a build back to `before`: touches only ours, or what still equals what we wrote; otherwise rejects. */
  undo(place: Place, change: Change, signal: AbortSignal): Promise<Applied>;
  /** Resolves when no call of this process on that thing is open: a call whose deadline passed may still be under way. */
  idle(place: Place): Promise<void>;
}

/** One process's connection to a source. */
export interface SourceClient<B extends Source = Backend> {
  readonly name: SourceName;
  readonly facets: ReadonlyMap<FacetName, B>;
  /**
   * The part of the source that a thing stands and falls with, such as its VM: what fails there says nothing of the rest.
   * Absent: all of the source.
   */
  partOf?(place: Place): string;
  /** Rejects when the source cannot be asked. */
  ping(signal: AbortSignal): Promise<void>;
  /** Waits until whatever fences there are have reached this client; a no-op where a source has none. */
  catchUp(signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** Keeps a RADOS client from ever writing again, and waits until that is so. */
export interface Fence {
  /** This process's own RADOS address. */
  readonly address: string;
  fence(address: string, signal: AbortSignal): Promise<void>;
}
