import type { Claims } from './claims.js';
import type { AccountId, BootId, RegionSlug, ResourceName, VmId } from './ids.js';
import type { Lane, LaneEntry } from './lane.js';
import type {
  AccountRecord,
  ActionRecord,
  Instant,
  OwedFact,
  Tombstone,
  VmRecord,
  VolumeRecord,
} from './records.js';

/** Record, lane and tombstone of a resource, read in one transaction, with the indexes that guard a write. */
export interface Snapshot {
  readonly resource: ResourceName;
  readonly record: VolumeRecord | null;
  readonly recordIndex: number;
  readonly lane: Lane | null;
  readonly laneIndex: number;
  readonly tombstone: Tombstone | null;
  readonly tombstoneIndex: number;
  /** Whose the id is, also where neither record nor tombstone says so; absent: nobody's, or not asked. */
  readonly owner?: AccountId;
}

/** What one transaction has to change, so that counters follow what they count. */
export interface FootprintDelta {
  readonly volumes: number;
  readonly gib: number;
  readonly namesTaken: readonly { readonly region: RegionSlug; readonly name: string }[];
  readonly namesFreed: readonly { readonly region: RegionSlug; readonly name: string }[];
  readonly slots: ReadonlyMap<VmId, 'reserved' | 'attached' | 'free'>;
}

/** One transaction of whoever holds the attempt. It lands only if lane and record are what the snapshot says. */
export interface HeadChange {
  readonly from: Snapshot;
  /** The lane's entries afterwards; empty: the lane goes. */
  readonly entries: readonly LaneEntry[];
  /** What the record becomes; absent: it stays. */
  readonly record?: VolumeRecord | null;
  /** What the tombstone becomes; null: it goes. Absent: it stays, but for a record that comes into being. */
  readonly tombstone?: Tombstone | null;
  readonly actions?: readonly ActionRecord[];
  readonly owed?: readonly OwedFact[];
  readonly delta: FootprintDelta;
  /** Of a repair. @throws RejectedError from the write when a name is another volume's, or a VM is full or gone. */
  readonly claims?: Claims;
  /** The boot that the attempt is taken from: the write lands only if that boot's key is missing. */
  readonly takenFrom?: BootId;
}

/** Written: the snapshot as it is now. Conflict: nothing was written, and this is what stands instead. */
export type WriteOutcome = { readonly written: Snapshot } | { readonly conflict: Snapshot };

/** A key of the registry that must stand as it was read when something is written that was judged by it. */
export interface Guard {
  readonly key: string;
  readonly index: number;
}

/** An account as it was read, with what must still stand of it, and of whoever speaks for it, when its intent is recorded. */
export interface AccountAsRead extends AccountRecord {
  readonly guards: readonly Guard[];
}

/** A use of an idempotency key: what for, and when by the registry's own clock, from which on it is kept. */
export interface RequestUse {
  readonly key: string;
  readonly bodyHash: string;
  readonly at: Instant;
}

/** An intent as it is admitted: its entry, the action that shows it, and what it was validated against. */
export interface Admission {
  readonly from: Snapshot;
  readonly entry: LaneEntry;
  readonly action: ActionRecord;
  readonly delta: FootprintDelta;
  readonly limits: AccountRecord['limits'];
  readonly guards: readonly Guard[];
  /** What an idempotency key is first used for. */
  readonly request?: RequestUse;
}

/**
 * The engine's view of the registry. All writes also check that the writing boot is alive and that there is no halt.
 * Names, counters and VM slots follow what record and lane take up, in the same transaction.
 */
export interface Journal {
  /** @param account whose it probably is: spares finding that out, and is checked. */
  read(resource: ResourceName, account?: AccountId): Promise<Snapshot>;
  /** @throws TransientError when the registry cannot be asked. */
  write(change: HeadChange): Promise<WriteOutcome>;
  /**
   * @throws Refusal when a name is taken, a quota or a VM is full, or the outcome is not known.
   * @throws StaleError when a guard no longer stands.
   */
  admit(admission: Admission): Promise<WriteOutcome>;
  /** A VM by its number; null: there is none. */
  vm(id: VmId): Promise<VmRecord | null>;
}
