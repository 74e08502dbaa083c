import type { z } from 'zod';
import type { HostName, VolumeId } from './ids.js';
import type { Json } from './json.js';
import type { ParkReason } from './parking.js';
import type { Tombstone, VolumeRecord } from './records.js';
import type { Place } from './source.js';
import type { SourceName } from './sources.js';

export type FacetName = `${SourceName}.${string}`;

export function sourceOf(facet: FacetName): SourceName {
  return facet.slice(0, facet.indexOf('.')) as SourceName;
}

/**
 * `require` must hold and is not touched; what was seen goes into the ledger. `build` is undone when the intent is.
 * `release` is a removal that the record must outlive, retried until true and never undone. `remove` destroys, and so
 * comes only after the commit.
 */
export type StepMode = 'require' | 'build' | 'release' | 'remove';

/**
 * The RADOS client that a guest writes through: named in the plan, or seen by a step before, in the ledger. Nothing noted
 * means that no guest could write.
 */
export type ClientRef = { readonly address: string } | { readonly seenBy: FacetName };

/** A fact that a worker makes true: plain data, kept in the lane. */
export interface Step<Mode extends StepMode = StepMode> {
  readonly facet: FacetName;
  readonly key: string;
  /** For sources with a worker per host. */
  readonly host?: HostName;
  readonly mode: Mode;
  /** The wanted state; null: gone. */
  readonly want: Json;
  /** Who writes through the thing: when it cannot be taken away by hand, it is gone once this client is fenced. */
  readonly client?: ClientRef;
  /** Only this intent can have made a thing of this name: nothing stood before, so the first attempt need not look. */
  readonly minted?: true;
  /** What is required becomes so by no waiting: the intent ends where it is not. */
  readonly atOnce?: true;
}

/** A fact for a derived source, written by the commit. */
export interface OwesStep {
  readonly facet: FacetName;
  readonly want: Json;
}

export type DiscrepancyClass = 'missing' | 'unexpected' | 'different';

/** What was found of one thing, as far as it depends on it what is done. */
export interface Finding {
  readonly class: DiscrepancyClass;
  readonly place: Place;
  /** The volume that the thing's name belongs to; null: a stranger's. */
  readonly volume: VolumeId | null;
  readonly record: VolumeRecord | null;
  readonly tombstone: Tombstone | null;
  readonly want: Json;
  readonly seen: Json;
}

/** `repair`: an intent is filed. `page`: a person is called. `report`: it is on the list, for whoever looks. */
export type Doing = 'repair' | 'page' | 'report';

/** What is done about one sort of discrepancy, and why. The first of a facet's remedies that fits is taken. */
export interface Remedy {
  /** Unique over all facets: the same in modes, metrics, logs and `docs/operating/discrepancies.md`. */
  readonly name: string;
  readonly class: DiscrepancyClass;
  /** Fits only then; absent: always. */
  readonly when?: (found: Finding) => boolean;
  readonly does: Doing;
  /** The kind of the intent that repairs it, and its parameters; of `repair`, and of a `page` that parks the volume. */
  readonly files?: { readonly kind: string; readonly params: (found: Finding) => Json };
  readonly why: string;
}

export interface Expectation {
  readonly key: string;
  readonly host?: HostName;
  readonly want: Json;
}

/** What one source says of one resource: schemas, and the pure judgement whether what was seen is what is wanted. */
export interface Facet<Want extends Json = Json, Seen extends Json = Json> {
  readonly name: FacetName;
  readonly source: SourceName;
  readonly want: z.ZodType<Want>;
  readonly seen: z.ZodType<Seen>;
  /** Null on either side means gone. */
  holds(want: Want | null, seen: Seen | null): boolean;
  /** What settled intents left as true, a pure function of the record; empty when this volume has no such thing. */
  expected(record: VolumeRecord): readonly Expectation[];
  /** The volume that a key belongs to; null for a stranger's thing. Keys of one listing sort as these ids do. */
  volumeOf(key: string): VolumeId | null;
  /** True for what no record expects and is as it ought to be, such as what is left of something deleted: no discrepancy. */
  rests?(seen: Seen, standing: Pick<Finding, 'record' | 'tombstone'>): boolean;
  /** What a thing is broken with, such as its VM: what has one cause counts once. Absent: each by itself. */
  causeOf?(place: Place): string;
  /** Why a person is needed when this is what was found where `want` was required or to be built upon; null: nobody is. */
  parks?(want: Want | null, seen: Seen | null): ParkReason | null;
  /** Classes that cannot be, because nothing is ever expected, or everything may stay: they need no remedy. */
  readonly never?: readonly DiscrepancyClass[];
  /** In the order in which they are tried; each class that can be ends with one that always fits. */
  readonly remedies: readonly Remedy[];
}

/** A facet whose types were forgotten, for tables of many. Values are checked by its schemas where they come in. */
export type AnyFacet = Facet;

export function defineFacet<Want extends Json, Seen extends Json>(
  facet: Facet<Want, Seen>,
): Facet<Want, Seen> {
  return facet;
}

/** Those among what a source's folder exports that are scrubbed: each for which there is something to be done. */
export function facetsIn(exported: object): readonly AnyFacet[] {
  return Object.values(exported).filter(isScrubbed);
}

function isScrubbed(one: unknown): one is AnyFacet {
  const { remedies } = (one ?? {}) as Partial<AnyFacet>;
  return Array.isArray(remedies) && remedies.length > 0;
}

/** What is to be done about what was found. @throws TypeError when a facet left a case out, which its test must not let pass */
export function remedyOf({ name, remedies }: Pick<Facet, 'name' | 'remedies'>, found: Finding): Remedy {
  const remedy = remedies.find((one) => one.class === found.class && (one.when?.(found) ?? true));
  if (remedy === undefined) throw new TypeError(`${name} has no remedy for what is ${found.class}`);
  return remedy;
}

/** A thing of a facet, about which a plan states facts. */
export function fact<Want extends Json>(
  facet: Pick<Facet<Want>, 'name'>,
  at: { key: string; host?: HostName; client?: ClientRef },
) {
  const step = <Mode extends StepMode>(mode: Mode, want: Json): Step<Mode> => ({
    facet: facet.name,
    key: at.key,
    ...(at.host === undefined ? {} : { host: at.host }),
    ...(at.client === undefined ? {} : { client: at.client }),
    mode,
    want,
  });
  return {
    /** Must hold already; is not touched. */
    requires: (want: Want): Step<'require'> => step('require', want),
    /** The same, where waiting for it would be in vain. */
    requiresAtOnce: (want: Want): Step<'require'> => ({ ...step('require', want), atOnce: true }),
    /** Is made so; undone when the intent is. */
    is: (want: Want): Step<'build'> => step('build', want),
    /** As `is`, of a name that only this intent can have made. */
    isMinted: (want: Want): Step<'build'> => ({ ...step('build', want), minted: true }),
    /** Is not there when building begins: what is left over of something dead is taken away, and never given back. */
    isCleared: (): Step<'build'> => step('build', null),
    /** Goes before the commit, because the record must outlive it; never undone. */
    isReleased: (): Step<'release'> => step('release', null),
    /** Is taken to a state that only comes after the commit, such as the trash. */
    endsAs: (want: Want): Step<'remove'> => step('remove', want),
    isGone: (): Step<'remove'> => step('remove', null),
  };
}
