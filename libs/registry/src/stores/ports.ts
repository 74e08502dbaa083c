import type {
  AccountId,
  AccountRecord,
  ActionNumber,
  ActionRecord,
  BootRecord,
  Guard,
  Instant,
  IntentId,
  Lane,
  RegionSlug,
  ResourceName,
  TokenRecord,
  VmId,
  VmRecord,
  VolumeId,
  VolumeRecord,
} from '@plumbline/domain';

/** What the customers' side reads of the registry. Every read shows what stood at some instant after it was asked. */
export interface Volumes {
  find(account: AccountId, id: VolumeId): Promise<VolumeRecord | null>;
  /** The volume that has, or will have, that name. */
  idByName(of: { account: AccountId; region: RegionSlug; name: string }): Promise<VolumeId | null>;
  /** Those that may be seen, in a stable order in which new ones come last. */
  list(account: AccountId): Promise<readonly VolumeRecord[]>;
}

export interface Actions {
  find(account: AccountId, n: ActionNumber): Promise<ActionRecord | null>;
  /** Of the account, or of one of its volumes, oldest first. */
  numbers(of: { account: AccountId } | { volume: VolumeId }): Promise<readonly ActionNumber[]>;
  findAll(account: AccountId, numbers: readonly ActionNumber[]): Promise<readonly ActionRecord[]>;
  /** An intent's that has ended, among the newest of its volume. */
  ofIntent(volume: VolumeId, intent: IntentId): Promise<ActionRecord | null>;
}

export interface Vms {
  find(id: VmId): Promise<VmRecord | null>;
  list(): Promise<readonly VmRecord[]>;
}

/** What an `Idempotency-Key` was first used for. */
export interface RequestRecord {
  readonly bodyHash: string;
  readonly volumeId: VolumeId;
  readonly action: ActionNumber;
  readonly at: number;
}

export interface Requests {
  /** The instant by which uses are kept. */
  now(): Instant;
  find(account: AccountId, key: string): Promise<RequestRecord | null>;
}

/** What stands under a key, and what must still stand of it when something is written that was judged by it. */
export interface Guarded<T> {
  readonly value: T | null;
  readonly guard: Guard;
}

/** What operators read and write besides. */
export interface Accounts {
  find(id: AccountId): Promise<AccountRecord | null>;
  read(id: AccountId): Promise<Guarded<AccountRecord>>;
  list(): Promise<readonly AccountRecord[]>;
  create(record: AccountRecord): Promise<void>;
}

export interface Tokens {
  read(sha256: string): Promise<Guarded<TokenRecord>>;
  create(sha256: string, record: TokenRecord): Promise<void>;
  listOf(account: AccountId): Promise<readonly TokenRecord[]>;
  /** False: there is no such token. */
  revoke(account: AccountId, id: string): Promise<boolean>;
}

export interface VmBook extends Vms {
  /** Makes it, or changes it as the function says of what stands; that it throws reaches the caller. */
  put(id: VmId, change: (before: VmRecord | null) => VmRecord): Promise<VmRecord>;
}

/** One page of a long listing, and how many there are. */
export interface Listing<T> {
  readonly items: readonly T[];
  readonly total: number;
}

export interface Lanes {
  find(resource: ResourceName): Promise<Lane | null>;
  /** The lane with that intent, among all there are: as much to read as one sweep. */
  ofIntent(intent: IntentId): Promise<Lane | null>;
  page(from: number, count: number): Promise<Listing<Lane>>;
}

export interface Boots {
  /** Each with the count of its beats. */
  list(): Promise<readonly (Omit<BootRecord, 'nonce'> & { readonly beats: number | null })[]>;
}
