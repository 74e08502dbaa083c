import { Refusal, StaleError, volumeIdOf } from '@plumbline/domain';
import type {
  AccountId,
  ActionRecord,
  Admission,
  FootprintDelta,
  HeadChange,
  Journal,
  Lane,
  ResourceName,
  Snapshot,
  Tombstone,
  Usage,
  VmId,
  VmRecord,
  VolumeId,
  VolumeRecord,
  WriteOutcome,
} from '@plumbline/domain';
import type { Fold, Kv, KvEntry, KvOp, Transaction } from './kv.js';
import { claimFolds } from './claim-folds.js';
import type { Layout } from './layout.js';
import { slottedVm } from './vm-slots.js';

const ACCOUNTS_REMEMBERED_MAX = 20_000;

/**
 * The engine's view of the registry: lanes, records, actions, counters, each change one transaction.
 *
 * An admission writes lane, name, owner and action together, guarded by the index of the record that it was validated
 * against. What a volume's list of actions needs beyond them is written when an action ends: until then its lane tells. A
 * turn's write is guarded by the lane's index, which every write changes, so that of two writers one learns of
 * the other; a commit is guarded by the record's index too. The `cas` answers with the new index, and all of a
 * transaction lands or nothing: what was written needs no second look.
 */
export function createJournal(by: { kv: Kv; layout: Layout; nonce: () => string }): Journal {
  return new KvJournal(by.kv, by.layout, by.nonce);
}

class KvJournal implements Journal {
  /** A volume's account never changes: remembered, so that record and lane are one read. */
  private readonly accounts = new Map<ResourceName, AccountId>();

  constructor(
    private readonly kv: Kv,
    private readonly layout: Layout,
    private readonly nonce: () => string,
  ) {}

  async read(resource: ResourceName, hint?: AccountId): Promise<Snapshot> {
    const account = this.accounts.get(resource) ?? hint ?? (await this.findAccount(resource));
    if (account === null) return emptySnapshot(resource);
    const snapshot = await this.readOf(resource, account);
    if (snapshot.lane !== null && snapshot.lane.account !== account) {
      // Whoever wrote the owner's key by hand has led all of us astray: a lane stands under its resource alone.
      this.accounts.delete(resource);
      return await this.read(resource, snapshot.lane.account);
    }
    if (this.accounts.has(resource)) return snapshot;
    // A hint may come from anywhere: where the registry does not bear it out, the registry is asked whose it is.
    if ((snapshot.lane ?? snapshot.record)?.account !== account) return await this.read(resource);
    this.remember(resource, account);
    return snapshot;
  }

  private async readOf(resource: ResourceName, account: AccountId): Promise<Snapshot> {
    const id = volumeIdOf(resource);
    const [lane, record, tombstone] = await this.kv.read([
      this.layout.lane(resource),
      this.layout.volume(account, id),
      this.layout.tombstone(id),
    ]);
    return {
      resource,
      lane: parse<Lane>(lane),
      laneIndex: lane?.index ?? 0,
      record: parse<VolumeRecord>(record),
      recordIndex: record?.index ?? 0,
      tombstone: parse<Tombstone>(tombstone),
      tombstoneIndex: tombstone?.index ?? 0,
      owner: account,
    };
  }

  async vm(id: VmId): Promise<VmRecord | null> {
    const [entry] = await this.kv.read([this.layout.vm(id)]);
    return parse<VmRecord>(entry);
  }

  async write(change: HeadChange): Promise<WriteOutcome> {
    const { from, entries } = change;
    const account = accountOf(from);
    const lane: Lane | null = entries.length === 0 ? null : { resource: from.resource, account, entries };
    const ops: KvOp[] = [...this.laneOps(from, lane), ...this.recordOps(from, account, change)];
    for (const action of change.actions ?? [])
      ops.push(
        { verb: 'set', key: this.actionKey(action), value: JSON.stringify(action) },
        { verb: 'set', key: this.ofVolumeKey(volumeIdOf(from.resource), action), value: account },
      );
    for (const fact of change.owed ?? []) {
      const key = this.layout.owed(fact.source, fact.resource, fact.intent);
      ops.push({ verb: 'cas', key, value: JSON.stringify(fact), index: 0 });
    }
    if (change.takenFrom !== undefined)
      ops.push({ verb: 'check-not-exists', key: this.layout.boot(change.takenFrom) });
    ops.push(...this.takenOps(account, volumeIdOf(from.resource), change.delta));
    ops.push(...(await this.freedOps(account, volumeIdOf(from.resource), change.delta)));
    const outcome = await this.kv.transact({
      ops,
      folds: [
        ...this.folds(account, volumeIdOf(from.resource), change.delta, null),
        ...claimFolds(this.layout, { account, id: volumeIdOf(from.resource) }, change.claims),
      ],
      proof: { key: this.layout.lane(from.resource), landed: headProof(from, lane) },
    });
    if ('conflict' in outcome) return { conflict: await this.read(from.resource) };
    const recordOp = ops.findIndex(
      ({ key }) => key === this.layout.volume(account, volumeIdOf(from.resource)),
    );
    const tombstoneOp = ops.findIndex(
      ({ key, verb }) => verb === 'cas' && key === this.layout.tombstone(volumeIdOf(from.resource)),
    );
    return {
      written: {
        resource: from.resource,
        lane,
        laneIndex: lane === null ? 0 : (outcome.committed[0]?.index ?? 0),
        record: change.record === undefined ? from.record : change.record,
        recordIndex:
          change.record === undefined ? from.recordIndex : (outcome.committed[recordOp]?.index ?? 0),
        ...this.tombstoneAfter(change, outcome.committed[tombstoneOp]?.index),
      },
    };
  }

  private tombstoneAfter(
    { from, tombstone }: HeadChange,
    index: number | undefined,
  ): Pick<Snapshot, 'tombstone' | 'tombstoneIndex'> {
    if (tombstone === undefined) return { tombstone: from.tombstone, tombstoneIndex: from.tombstoneIndex };
    return { tombstone, tombstoneIndex: tombstone === null ? 0 : (index ?? 0) };
  }

  async admit(admission: Admission): Promise<WriteOutcome> {
    const { from, entry, action, delta } = admission;
    const id = volumeIdOf(from.resource);
    const lane: Lane = {
      resource: from.resource,
      account: entry.account,
      entries: [...(from.lane?.entries ?? []), entry],
    };
    const actionKey = this.actionKey(action);
    const ops: KvOp[] = [
      {
        verb: 'cas',
        key: this.layout.lane(from.resource),
        value: JSON.stringify(lane),
        index: from.laneIndex,
      },
      { verb: 'cas', key: actionKey, value: JSON.stringify(action), index: 0 },
    ];
    if (from.recordIndex > 0)
      ops.push({ verb: 'check-index', key: this.layout.volume(entry.account, id), index: from.recordIndex });
    if (from.tombstoneIndex > 0)
      ops.push({ verb: 'check-index', key: this.layout.tombstone(id), index: from.tombstoneIndex });
    else if (from.recordIndex === 0 && from.laneIndex === 0)
      ops.push({ verb: 'cas', key: this.layout.owner(id), value: entry.account, index: 0 });
    const firstGuard = ops.length;
    for (const { key, index } of admission.guards) ops.push({ verb: 'check-index', key, index });
    // What is pending besides takes up more, and never less: no admission frees a name.
    const names = this.takenOps(entry.account, id, delta);
    const firstName = ops.push(...names) - names.length;
    const request = this.requestOps(admission);
    const firstRequest = ops.push(...request) - request.length;
    const outcome = await this.kv.transact({
      ops,
      folds: this.folds(entry.account, id, delta, admission.limits),
      proof: { key: actionKey, landed: (found) => found !== null && found.value.includes(entry.intent) },
    });
    this.remember(from.resource, entry.account);
    if ('conflict' in outcome) {
      const lost = (first: number, count: number): boolean =>
        outcome.conflict.some((position) => position >= first && position < first + count);
      if (lost(firstGuard, admission.guards.length))
        throw new StaleError('admitting what was judged by an older state', { reason: 'stale-guard' });
      if (lost(firstRequest, request.length))
        throw new Refusal('conflict', 'The Idempotency-Key was used before.', { reason: 'idempotency-key' });
      if (lost(firstName, names.length))
        throw new Refusal('conflict', 'failed to create volume: already exists', { field: 'name' });
      return { conflict: await this.read(from.resource) };
    }
    return { written: { ...from, lane, laneIndex: outcome.committed[0]?.index ?? 0 } };
  }

  private actionKey({ account, internal, n }: ActionRecord): string {
    return internal === true ? this.layout.internalAction(account, n) : this.layout.action(account, n);
  }

  private ofVolumeKey(id: VolumeId, { internal, n }: ActionRecord): string {
    return internal === true ? this.layout.internalVolumeAction(id, n) : this.layout.volumeAction(id, n);
  }

  private async findAccount(resource: ResourceName): Promise<AccountId | null> {
    const [lane, owner] = await this.kv.read([
      this.layout.lane(resource),
      this.layout.owner(volumeIdOf(resource)),
    ]);
    const account = parse<Lane>(lane)?.account ?? (owner?.value as AccountId | undefined) ?? null;
    if (account !== null) this.remember(resource, account);
    return account;
  }

  private remember(resource: ResourceName, account: AccountId): void {
    if (this.accounts.size >= ACCOUNTS_REMEMBERED_MAX) this.accounts.clear();
    this.accounts.set(resource, account);
  }

  /** First of all operations, so that the lane's new index is the first answer. */
  private laneOps({ resource, laneIndex }: Snapshot, lane: Lane | null): readonly KvOp[] {
    const key = this.layout.lane(resource);
    if (lane !== null) return [{ verb: 'cas', key, value: JSON.stringify(lane), index: laneIndex }];
    return goneOps(key, laneIndex);
  }

  private recordOps(
    { resource, record: before, recordIndex, tombstoneIndex }: Snapshot,
    account: AccountId,
    { record, tombstone }: HeadChange,
  ): readonly KvOp[] {
    const id = volumeIdOf(resource);
    const ops: KvOp[] = [...this.tombstoneOps(id, tombstoneIndex, tombstone)];
    if (record === undefined || (record === null && before === null)) return ops;
    const key = this.layout.volume(account, id);
    if (record === null) ops.push(...goneOps(key, recordIndex));
    else ops.push({ verb: 'cas', key, value: JSON.stringify(record), index: recordIndex });
    ops.push({ verb: 'set', key: this.layout.rev(account, id.charAt(0)), value: this.nonce() });
    return ops;
  }

  private tombstoneOps(id: VolumeId, index: number, tombstone: HeadChange['tombstone']): readonly KvOp[] {
    const key = this.layout.tombstone(id);
    if (tombstone) return [{ verb: 'cas', key, value: JSON.stringify(tombstone), index }];
    return tombstone === undefined || index === 0 ? [] : goneOps(key, index);
  }

  private nameKey(account: AccountId, name: FootprintDelta['namesTaken'][number]): string {
    return this.layout.name({ account, kind: 'volume', ...name });
  }

  private takenOps(account: AccountId, id: VolumeId, { namesTaken }: FootprintDelta): readonly KvOp[] {
    return namesTaken.map((name) => ({
      verb: 'cas',
      key: this.nameKey(account, name),
      value: id,
      index: 0,
    }));
  }

  /**
   * Only what is the volume's own goes: a name that was lost behind our back may be another volume's by now. Asked for here,
   * by the few writes that free one, and not with every reading of a volume, whose name is not known before its record is.
   */
  private async freedOps(
    account: AccountId,
    id: VolumeId,
    { namesFreed }: FootprintDelta,
  ): Promise<readonly KvOp[]> {
    if (namesFreed.length === 0) return [];
    const entries = await this.kv.read(namesFreed.map((name) => this.nameKey(account, name)));
    return entries.flatMap((entry) => (entry?.value === id ? goneOps(entry.key, entry.index) : []));
  }

  private requestOps({ request, entry, from, action }: Admission): readonly KvOp[] {
    if (request === undefined) return [];
    const value = JSON.stringify({
      bodyHash: request.bodyHash,
      volumeId: volumeIdOf(from.resource),
      action: action.n,
      at: request.at,
    });
    return [{ verb: 'cas', key: this.layout.request(entry.account, request.key), value, index: 0 }];
  }

  /** @param limits when something is taken up; what only gives back is never refused. */
  private folds(
    account: AccountId,
    id: VolumeId,
    delta: FootprintDelta,
    limits: Admission['limits'] | null,
  ): NonNullable<Transaction['folds']> {
    const folds: Fold[] = [];
    if (delta.volumes !== 0 || delta.gib !== 0)
      folds.push({ key: this.layout.usage(account), fold: (value) => countedUsage(value, delta, limits) });
    for (const [vm, slot] of delta.slots)
      folds.push({ key: this.layout.vm(vm), fold: (value) => slottedVm(value, id, slot) });
    return folds;
  }
}

/** A `delete-cas` of a missing key succeeds, so the index is checked first. */
function goneOps(key: string, index: number): readonly KvOp[] {
  return [
    { verb: 'check-index', key, index },
    { verb: 'delete-cas', key, index },
  ];
}

function countedUsage(
  value: string | null,
  { volumes, gib }: FootprintDelta,
  limits: Admission['limits'] | null,
): string {
  const before = value === null ? { volumes: 0, gib: 0 } : (JSON.parse(value) as Usage);
  const after: Usage = { volumes: before.volumes + volumes, gib: before.gib + gib };
  const over = limits !== null && (after.volumes > limits.volumes || after.gib > limits.gib);
  if (over) throw new Refusal('forbidden', 'volume/snapshot capacity limit exceeded', { reason: 'quota' });
  return JSON.stringify(after);
}

/** Only the turn's holder changes the head, others only append: the head tells whether the write landed. */
function headProof(from: Snapshot, lane: Lane | null): (entry: KvEntry | null) => boolean {
  const before = from.lane?.entries[0];
  const written = lane?.entries[0];
  const settles = written === undefined || written.intent !== before?.intent;
  return (entry) => {
    const now = parse<Lane>(entry)?.entries[0];
    return settles ? now?.intent !== before?.intent : JSON.stringify(now) === JSON.stringify(written);
  };
}

function accountOf(snapshot: Snapshot): AccountId {
  const account = snapshot.lane?.account ?? snapshot.record?.account;
  if (account === undefined) throw new TypeError(`${snapshot.resource} has neither lane nor record`);
  return account;
}

function emptySnapshot(resource: ResourceName): Snapshot {
  return {
    resource,
    record: null,
    recordIndex: 0,
    lane: null,
    laneIndex: 0,
    tombstone: null,
    tombstoneIndex: 0,
  };
}

function parse<T>(entry: KvEntry | null | undefined): T | null {
  return entry ? (JSON.parse(entry.value) as T) : null;
}
