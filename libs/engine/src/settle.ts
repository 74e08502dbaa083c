import { NO_IMAGE, nextStamp, sourceOf, stamp, volumeIdOf } from '@plumbline/domain';
import type {
  ActionRecord,
  Found,
  LaneEntry,
  OwedFact,
  Plan,
  Snapshot,
  Tombstone,
  VolumeRecord,
} from '@plumbline/domain';
import { claimsOf } from './footprint.js';
import { definitionOf } from './materialize.js';
import type { EngineContext, WorkerContext } from './ports.js';
import type { Edit } from './turn.js';
import { isCancelled, refusedNow } from './work.js';

/** The one write that makes an intent true for everybody: record, action, what is owed, and the lane. */
export function commitEdit(context: WorkerContext, head: LaneEntry, snapshot: Snapshot, found: Found): Edit {
  const why = isCancelled(snapshot.lane, context.rules)
    ? 'Deleted before it was finished.'
    : refusedNow(head, snapshot, context.rules);
  if (why !== null) return { head: { ...head, undoing: why, tries: 0 } };
  const { record } = snapshot;
  const before = record ?? snapshot.tombstone;
  const revFloor = context.revFloor();
  const { at, rev } = nextStamp({ before, now: context.clock.now(), revFloor });
  const plan = definitionOf(context.rules.catalog, head.kind).plan(head.params, record);
  const value = plan.commit.becomes(record, { at, found });
  const next = value === null ? null : stamp(value, { before, now: at, revFloor, intent: head.intent });
  // What was deleted is charged until it was deleted, and not until somebody saw that billing did not know.
  const owedAt = record === null && next === null ? (before?.at ?? at) : at;
  const finished = head.plan === null || head.plan.finish.length === 0;
  return {
    head: finished ? null : { ...head, committed: { rev, at }, tries: 0 },
    record: next,
    ...buriedAs(snapshot, next, { rev, at }),
    ...claimedBy(context, plan, { ...snapshot, record: next }, { finished, at }),
    actions: [endedAction(context, head, snapshot, { status: 'completed', at, revAfter: rev })],
    owed: owedBy(head, snapshot, { rev, at: owedAt }),
  };
}

/** A tombstone beside a record is nobody's grave: the commit takes it away. */
function buriedAs(
  snapshot: Snapshot,
  next: VolumeRecord | null,
  by: { rev: number; at: number },
): Pick<Edit, 'tombstone'> {
  if (next === null) return { tombstone: tombstoneAfter(snapshot, by) };
  return snapshot.tombstone === null ? {} : { tombstone: null };
}

/** Of what waits behind a repair something may have taken a slot already: that is held too. */
function claimedBy(
  { rules }: EngineContext,
  { givesBack }: Plan,
  { lane, record }: Snapshot,
  { finished, at }: { finished: boolean; at: number },
): Pick<Edit, 'claims'> {
  if (givesBack === undefined) return {};
  const after = lane && { ...lane, entries: finished ? lane.entries.slice(1) : lane.entries };
  return { claims: claimsOf({ record, lane: after }, { givesBack, at }, rules) };
}

/** An intent's end: after its `finish`, or after everything it built was taken back. */
export function settleEdit(
  context: WorkerContext,
  head: LaneEntry,
  snapshot: Snapshot,
  as: 'done' | 'undone',
): Edit {
  if (as === 'done') {
    const { forgets } = definitionOf(context.rules.catalog, head.kind);
    return { head: null, ...(forgets === true ? { tombstone: null } : {}) };
  }
  const { at, rev } = nextStamp({
    before: snapshot.record ?? snapshot.tombstone,
    now: context.clock.now(),
    revFloor: context.revFloor(),
  });
  const minted = snapshot.record === null && snapshot.tombstone === null;
  const message = head.undoing ?? 'Undone.';
  const errored = endedAction(context, head, snapshot, { status: 'errored', at, revAfter: null, message });
  const cancelling = isCancelled(snapshot.lane, context.rules) ? cancellingOf(context, snapshot) : [];
  return {
    head: null,
    dropNext: cancelling.length,
    ...(minted ? { tombstone: mintedTombstone(head, snapshot, { rev, at }) } : {}),
    actions: [
      errored,
      ...cancelling.map((entry, index) => {
        const cancels = index === cancelling.length - 1;
        const end = cancels ? { status: 'completed' as const } : { status: 'errored' as const, message };
        return endedAction(context, entry, snapshot, { ...end, at, revAfter: null });
      }),
    ],
  };
}

/** What is behind a cancelled head, up to what cancels it: all of it ends with the head. */
function cancellingOf(context: EngineContext, { lane }: Snapshot): readonly LaneEntry[] {
  const later = lane?.entries.slice(1) ?? [];
  const at = later.findIndex((entry) => definitionOf(context.rules.catalog, entry.kind).cancels === true);
  return later.slice(0, at + 1);
}

function endedAction(
  context: EngineContext,
  entry: LaneEntry,
  { resource, record }: Snapshot,
  end: Pick<ActionRecord, 'status' | 'revAfter'> & { at: number; message?: string },
): ActionRecord {
  return {
    n: entry.action,
    account: entry.account,
    resource,
    intent: entry.intent,
    kind: entry.kind,
    type: definitionOf(context.rules.catalog, entry.kind).action,
    ...(definitionOf(context.rules.catalog, entry.kind).internal === true ? { internal: true } : {}),
    region: entry.region,
    params: entry.params,
    status: end.status,
    startedAt: entry.recordedAt,
    completedAt: Math.max(end.at, entry.recordedAt),
    ...(end.message === undefined ? {} : { message: end.message }),
    revBefore: record?.rev ?? null,
    revAfter: end.revAfter,
  };
}

function owedBy(
  head: LaneEntry,
  { resource }: Snapshot,
  by: { rev: number; at: number },
): readonly OwedFact[] {
  return (head.plan?.owes ?? []).map(({ facet, want }) => ({
    source: sourceOf(facet),
    facet,
    resource,
    account: head.account,
    intent: head.intent,
    rev: by.rev,
    at: by.at,
    want,
  }));
}

/** What is left of a volume carries its last version on, whatever is done about it. */
function tombstoneAfter({ record, tombstone }: Snapshot, by: { rev: number; at: number }): Tombstone | null {
  if (record === null) return tombstone && { ...tombstone, rev: by.rev };
  const { id, account, region, imageId } = record;
  return { id, account, region, imageId, ...by };
}

/**
 * An image of this id may still come late: the tombstone says that nobody wants it. Of an intent that made nothing itself, and
 * had only taken what was somebody's, nothing that comes is its own.
 */
function mintedTombstone(
  head: LaneEntry,
  { resource }: Snapshot,
  by: { rev: number; at: number },
): Tombstone {
  const { account, plan, region } = head;
  const isMaker = plan === null || plan.prepare.some(({ minted }) => minted === true);
  return { id: volumeIdOf(resource), account, region, imageId: isMaker ? '' : NO_IMAGE, ...by };
}
