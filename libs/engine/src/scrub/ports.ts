import type {
  AccountId,
  Brake,
  BrakeRelease,
  DiscrepancyRecord,
  Instant,
  IntentId,
  Journal,
  Json,
  ResourceName,
  ScrubPace,
  ScrubSettings,
  ScrubStatus,
  Snapshot,
  Source,
  SourceName,
  Turn,
  VolumeId,
} from '@plumbline/domain';
import type { Log } from '../ports.js';

/** What the scrubber has found, kept in the registry. Every call may throw a Refusal when that cannot be asked. */
export interface DiscrepancyBook {
  list(): Promise<readonly DiscrepancyRecord[]>;
  /**
   * Changes what stands of one thing, as it stands when it is written: an operator may have a word at the same time. Null:
   * nothing stands, or shall.
   * @returns what stands now
   */
  change(
    about: Pick<DiscrepancyRecord, 'facet' | 'key' | 'host'>,
    edit: (now: DiscrepancyRecord | null) => DiscrepancyRecord | null,
  ): Promise<DiscrepancyRecord | null>;
}

/** What stands between finding and repairing, kept in the registry too. */
export interface ScrubDesk {
  settings(): Promise<ScrubSettings>;
  brakes(): Promise<readonly Brake[]>;
  engage(brake: Brake): Promise<void>;
  releases(): Promise<readonly BrakeRelease[]>;
  /** What was let go on has been put right: too much that is wrong brakes again. */
  expire(release: BrakeRelease): Promise<void>;
  /** The version floor of the registry when somebody looked last; null: nobody has. */
  knownFloor(): Promise<number | null>;
  knowFloor(floor: number): Promise<void>;
  status(): Promise<ScrubStatus | null>;
  publish(status: ScrubStatus): Promise<void>;
}

/** A repair as it is asked for: recorded only while what it was decided by still stands. */
export interface Filing {
  readonly kind: string;
  readonly params: Json;
  readonly account: AccountId;
  readonly onlyIf: (snapshot: Snapshot) => boolean;
}

export interface ScrubberPorts {
  /** The name of this process. */
  readonly name: string;
  readonly journal: Pick<Journal, 'read'>;
  readonly sources: readonly Source[];
  /** The ids of all volumes that have a record, sorted, from behind `after` on, read at the pace of `turn`. */
  volumeIds(after: VolumeId | null, turn: Turn): AsyncIterable<VolumeId>;
  /** True while the source has still to learn something of that resource: it cannot be right before. */
  isOwed(source: SourceName, resource: ResourceName): Promise<boolean>;
  /**
   * How many intents that volume has had, settled ones included: what came and went between two looks shows in it though it
   * left record and lane as they were.
   */
  intents(volume: VolumeId): Promise<number>;
  readonly book: DiscrepancyBook;
  readonly desk: ScrubDesk;
  /**
   * Records a repair like any other intent.
   * @throws StaleError, Refusal: nothing was recorded; of `outcome_unknown` that cannot be told
   */
  file(filing: Filing): Promise<IntentId>;
  /** Versions of records below this may have been given before the registry was set back. */
  revFloor(): number;
  /** Volumes that a pass reads in a second at most, and things that it asks a source for. */
  readonly volumesPerSecond: number;
  /** Those with another budget of their own. */
  readonly sourcesPerSecond?: Readonly<Partial<Record<ScrubPace['source'], number>>>;
  /** As long as a boot may be silent before it is fenced, and some more: what is under way then has ended. */
  readonly silenceMs: number;
  readonly repairsPerHour: number;
  /** This process's own clock, which is never set. */
  monotonicMs(): number;
  /** The registry's time. */
  now(): Instant;
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  /** Rejects at the deadline, and tells the call by its signal. */
  within<T>(
    by: { readonly what: string; readonly deadlineMs: number; readonly signal: AbortSignal },
    call: (signal: AbortSignal) => Promise<T>,
  ): Promise<T>;
  /** Told of each step that no other of these calls shows. */
  readonly progress?: () => void;
  readonly log: Log;
}
