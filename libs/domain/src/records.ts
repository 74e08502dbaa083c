import type {
  AccountId,
  ActionNumber,
  BootId,
  HostName,
  IntentId,
  RegionSlug,
  ResourceName,
  VmId,
  VolumeId,
} from './ids.js';
import type { Json } from './json.js';
import type { SourceName } from './sources.js';

/** Instants are milliseconds since 1970, stamped by the committer; order comes from the registry, never from them. */
export type Instant = number;

/** Where a volume is a disk. `address`: the RADOS client of its block node, the thing to fence. */
export interface Attachment {
  readonly vm: VmId;
  readonly host: HostName;
  readonly address: string;
}

/** The truth about a volume, for everything a customer sees. Exists only when the customer may see the volume. */
export interface VolumeRecord {
  readonly id: VolumeId;
  readonly account: AccountId;
  readonly name: string;
  readonly description: string;
  readonly region: RegionSlug;
  readonly sizeGib: number;
  readonly filesystemType: string;
  readonly filesystemLabel: string;
  readonly tags: readonly string[];
  readonly createdAt: Instant;
  /** librbd's internal id of the image, by which a stranger's image of the same name is told apart. */
  readonly imageId: string;
  readonly attachment: Attachment | null;
  /** Dependencies of others on this volume: while there is one, it cannot be deleted. */
  readonly pins: readonly string[];
  /** Raised by every commit; carried on by the tombstone. */
  readonly rev: number;
  readonly at: Instant;
  readonly lastIntent: IntentId;
}

/** What a committing function makes: the committer adds `rev`, `at` and `lastIntent`. */
export type VolumeValue = Omit<VolumeRecord, 'rev' | 'at' | 'lastIntent'>;

/** A deleted or undone id. Stays until nothing can arrive late for it. */
export interface Tombstone {
  readonly id: VolumeId;
  readonly account: AccountId;
  readonly region: RegionSlug;
  /** Empty: it never learnt which, and whatever comes under its name was made for it. `NO_IMAGE`: nothing is. */
  readonly imageId: string;
  readonly rev: number;
  readonly at: Instant;
}

/** The internal id of no image. */
export const NO_IMAGE = '-';

export interface VmRecord {
  readonly id: VmId;
  readonly name: string;
  readonly region: RegionSlug;
  readonly host: HostName;
  readonly account: AccountId;
  /** The QMP socket, on that host. */
  readonly socket: string;
  readonly createdAt: Instant;
  /** Slots: attached volumes, and those whose attach or detach is under way. */
  readonly slots: Readonly<Record<VolumeId, 'reserved' | 'attached'>>;
}

export interface AccountRecord {
  readonly id: AccountId;
  readonly name: string;
  readonly email: string;
  readonly createdAt: Instant;
  readonly limits: { readonly volumes: number; readonly gib: number };
}

/** Volumes and GiB of an account, made and being made. Changed only by the transaction that changes what it counts. */
export interface Usage {
  readonly volumes: number;
  readonly gib: number;
}

export interface TokenRecord {
  readonly id: string;
  readonly name: string;
  readonly account: AccountId;
  readonly createdAt: Instant;
}

/** What `/v2` shows of an intent. */
export interface ActionRecord {
  readonly n: ActionNumber;
  readonly account: AccountId;
  readonly resource: ResourceName;
  readonly intent: IntentId;
  readonly kind: string;
  readonly type: string;
  /** Customers do not see it. */
  readonly internal?: true;
  readonly region: RegionSlug;
  readonly params: Json;
  readonly status: 'in-progress' | 'completed' | 'errored';
  readonly startedAt: Instant;
  readonly completedAt: Instant | null;
  /** Why it errored, in words for the customer. */
  readonly message?: string;
  readonly revBefore: number | null;
  readonly revAfter: number | null;
}

/** A fact that a derived source must still learn, written by the commit that caused it. */
export interface OwedFact {
  readonly source: SourceName;
  readonly facet: string;
  readonly resource: ResourceName;
  readonly account: AccountId;
  readonly intent: IntentId;
  /** The record's (or tombstone's) `rev` after the commit: the order of the facts of one resource. */
  readonly rev: number;
  readonly at: Instant;
  /** The wanted state from that instant on; null: gone. */
  readonly want: Json;
}

export interface BootRecord {
  readonly boot: BootId;
  readonly name: string;
  readonly app: string;
  readonly nonce: string;
  readonly state: 'alive' | 'fencing';
  readonly startedAt: Instant;
  /** RADOS address of the process, noted before its first effect; null when it has none. */
  readonly address: string | null;
  readonly host: HostName | null;
  readonly version: string;
}

export interface Region {
  readonly slug: RegionSlug;
  readonly name: string;
  readonly pool: string;
  readonly hosts: readonly HostName[];
}
