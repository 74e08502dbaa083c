import {
  LANE_BYTES_MAX,
  NUMBERS_PER_MS,
  LANE_ENTRIES_MAX,
  PARAMS_BYTES_MAX,
  Refusal,
  StaleError,
  notFound,
  queueOf,
  sourceOf,
  resolvePlan,
  HOME_QUEUE,
} from '@plumbline/domain';
import type {
  AccountAsRead,
  AccountRecord,
  ActionNumber,
  ActionRecord,
  AnyIntentDefinition,
  FacetName,
  HostName,
  IntentId,
  Json,
  Lane,
  LaneEntry,
  QueueName,
  RegionSlug,
  RequestUse,
  Snapshot,
  Step,
  VmRecord,
  VolumeRecord,
} from '@plumbline/domain';
import { deltaBetween } from './footprint.js';
import { materialize, standsFor } from './materialize.js';
import type { EngineContext } from './ports.js';

const CONFLICTS_MAX = 3;

export interface AdmissionRequest {
  readonly definition: AnyIntentDefinition;
  readonly params: Json;
  readonly account: AccountRecord & Partial<Pick<AccountAsRead, 'guards'>>;
  readonly requestId: string;
  /** Set when the id was minted for this very request, so that nothing can be there yet and nothing need be read. */
  readonly minted?: true;
  readonly request?: RequestUse;
  /** Recorded only if what stands when it is recorded is so; else it is stale. */
  onlyIf?(snapshot: Snapshot): boolean;
  /** Told as soon as it is recorded and before anybody is rung: who waits for the end must not miss it. */
  recorded?(action: ActionRecord): void;
}

export interface Admitted {
  readonly action: ActionRecord;
  /** Where its first step is rung. */
  readonly queue: QueueName;
}

/**
 * Records an intent: validated against the record with all that is pending folded over it, refused now if that can be
 * known now, written in one transaction, and only then rung. A lost ring is not a lost intent.
 * @throws Refusal in the words of the contract, StaleError when a guard no longer stands; nothing is left behind then.
 */
export async function admit(context: EngineContext, request: AdmissionRequest): Promise<Admitted> {
  const { definition, account } = request;
  const resource = definition.resource(request.params);
  let snapshot: Snapshot = request.minted
    ? nothingYet(resource)
    : await context.journal.read(resource, account.id);
  for (let conflicts = 0; conflicts < CONFLICTS_MAX; conflicts += 1) {
    if (request.onlyIf?.(snapshot) === false)
      throw new StaleError(`admitting ${definition.kind} for what has changed`, { reason: 'stale' });
    const { entry, record } = await judge(context, request, snapshot);
    const action = actionOf(entry, definition, snapshot.record);
    const outcome = await context.journal.admit({
      from: snapshot,
      entry,
      action,
      delta: deltaBetween(
        snapshot,
        { record: snapshot.record, lane: laneWith(snapshot, entry) },
        context.rules,
      ),
      limits: account.limits,
      guards: account.guards ?? [],
      ...(request.request === undefined ? {} : { request: request.request }),
    });
    if ('written' in outcome) {
      const queue = firstQueueOf(definition, entry.params, record);
      request.recorded?.(action);
      void context.bell.ring(queue, resource, { account: account.id, ahead: definition.ahead === true });
      return { action, queue };
    }
    snapshot = outcome.conflict;
  }
  throw new Refusal('service_unavailable', 'Others are changing this volume at this moment; try again.', {
    reason: 'unavailable',
    retryAfterMs: 1000,
  });
}

/** An id is used once: what is deleted, or being undone, leaves a lane or a tombstone behind for what may still come late. */
function wasUsed({ record, lane, tombstone }: Snapshot): boolean {
  return record !== null || lane !== null || tombstone !== null;
}

function laneWith({ resource, lane }: Snapshot, entry: LaneEntry): Lane {
  return { resource, account: entry.account, entries: [...(lane?.entries ?? []), entry] };
}

function nothingYet(resource: Snapshot['resource']): Snapshot {
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

async function judge(
  context: EngineContext,
  { definition, params, account, requestId }: AdmissionRequest,
  snapshot: Snapshot,
): Promise<{ entry: LaneEntry; record: VolumeRecord | null }> {
  const { lane, tombstone } = snapshot;
  const owner = snapshot.record?.account ?? lane?.account ?? tombstone?.account ?? account.id;
  const record = materialize(snapshot.record, lane, context.rules);
  // A foreign id answers exactly as an unknown one.
  if (owner !== account.id) throw notFound();
  if (definition.on === 'absent' && wasUsed(snapshot))
    throw new Refusal('conflict', 'The volume already exists.');
  if (!standsFor(definition.on, record) || (definition.on !== 'absent' && !wasUsed(snapshot)))
    throw notFound();
  refuseBusyLane(snapshot);
  const vm = await vmOf(context, definition, params, account);
  const view = { record, regions: context.rules.regions, ...(vm === undefined ? {} : { vm }) };
  const refusal = definition.refuse(params, view);
  if (refusal !== null) throw refusal;
  const resolved = definition.resolve?.(params, view) ?? params;
  if (JSON.stringify(resolved).length > PARAMS_BYTES_MAX)
    throw new Refusal('unprocessable_entity', `The request must be smaller than ${PARAMS_BYTES_MAX} bytes.`);
  const now = context.clock.now();
  const entry: LaneEntry = {
    intent: context.uuid() as IntentId,
    kind: definition.kind,
    params: resolved,
    account: account.id,
    region: regionOf(record ?? tombstone, resolved),
    action: (now * NUMBERS_PER_MS + Math.floor(context.random() * NUMBERS_PER_MS)) as ActionNumber,
    requestId,
    recordedAt: now,
    attempt: null,
    turns: 0,
    tries: 0,
    plan: null,
    ledger: [],
    undoing: null,
    committed: null,
    parked: null,
  };
  return { entry, record };
}

/** A VM of another account answers exactly as an unknown one. */
async function vmOf(
  context: EngineContext,
  definition: AnyIntentDefinition,
  params: Json,
  account: AccountRecord,
): Promise<VmRecord | null | undefined> {
  if (definition.vm === undefined) return undefined;
  const vm = await context.journal.vm(definition.vm(params));
  return vm?.account === account.id ? vm : null;
}

function refuseBusyLane({ lane }: Snapshot): void {
  const head = lane?.entries[0];
  if (lane === null || head === undefined) return;
  if (head.parked !== null)
    throw new Refusal('conflict', 'An earlier operation on this volume waits for an operator.', {
      reason: 'parked',
    });
  if (lane.entries.length >= LANE_ENTRIES_MAX || JSON.stringify(lane).length > LANE_BYTES_MAX)
    throw new Refusal('too_many_requests', 'Too many operations are waiting for this volume.', {
      reason: 'lane-full',
      retryAfterMs: 1000,
    });
}

function regionOf(known: Pick<VolumeRecord, 'region'> | null, params: Json): RegionSlug {
  if (known !== null) return known.region;
  return (params as { region: RegionSlug }).region;
}

function actionOf(
  entry: LaneEntry,
  definition: AnyIntentDefinition,
  record: VolumeRecord | null,
): ActionRecord {
  return {
    n: entry.action,
    account: entry.account,
    resource: definition.resource(entry.params),
    intent: entry.intent,
    kind: entry.kind,
    type: definition.action,
    ...(definition.internal === true ? { internal: true as const } : {}),
    region: entry.region,
    params: entry.params,
    status: 'in-progress',
    startedAt: entry.recordedAt,
    completedAt: null,
    revBefore: record?.rev ?? null,
    revAfter: null,
  };
}

/** The queue of the first step, as far as it can be told now; a worker that finds otherwise rings on. */
function firstQueueOf(definition: AnyIntentDefinition, params: Json, record: VolumeRecord | null): QueueName {
  const plan = resolvePlan(definition.plan(params, record));
  const first = plan.prepare[0] ?? plan.finish[0];
  return first === undefined ? HOME_QUEUE : queueOfStep(first);
}

export function queueOfStep(step: Step): QueueName {
  return queueOfFacet(step.facet, step.host);
}

export function queueOfFacet(facet: FacetName, host?: HostName): QueueName {
  return queueOf(sourceOf(facet), host);
}
