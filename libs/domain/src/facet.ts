import type { z } from 'zod';
import type { HostName, VolumeId } from './ids.js';
import type { Json } from './json.js';
import type { ParkReason } from './parking.js';
import type { VolumeRecord } from './records.js';
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
}

/** A fact for a derived source, written by the commit. */
export interface OwesStep {
  readonly facet: FacetName;
  readonly want: Json;
}

export type DiscrepancyClass = 'missing' | 'unexpected' | 'different';

/** What the scrubber would do about a discrepancy, and why. */
export interface RepairPolicy {
  readonly action: 'report' | 'page';
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
  /** Why a person is needed when this is what was found where `want` was required or to be built upon; null: nobody is. */
  parks?(want: Want | null, seen: Seen | null): ParkReason | null;
  readonly repairs: Readonly<Record<DiscrepancyClass, RepairPolicy>>;
}

/** A facet whose types were forgotten, for tables of many. Values are checked by its schemas where they come in. */
export type AnyFacet = Facet;

export function defineFacet<Want extends Json, Seen extends Json>(
  facet: Facet<Want, Seen>,
): Facet<Want, Seen> {
  return facet;
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
