import { Refusal, isUuid, notFound, parseVolumeId, volumeResource } from '@plumbline/domain';
import type { ActionRecord, IntentId, Lane, ResourceName, VolumeId } from '@plumbline/domain';
import { intervene } from '@plumbline/engine';
import type { EngineContext, Intervention, Operator } from '@plumbline/engine';
import type { Log } from '@plumbline/platform';
import type { Actions, Lanes } from '@plumbline/registry';
import type { z } from 'zod';
import type { intentShape } from './shapes.js';

type Intent = z.infer<typeof intentShape>['intent'];

interface IntentDeskOptions {
  readonly engine: EngineContext;
  readonly lanes: Lanes;
  readonly actions: Actions;
  readonly log: Log;
}

/** What an intent is by its id, as the log names it; `volume` is what the same line has under `resource`. */
export interface IntentQuery {
  readonly id: string;
  readonly volume?: string | undefined;
}

/** Where operators see one intent, and help it on. */
export class IntentDesk {
  constructor(private readonly by: IntentDeskOptions) {}

  /**
   * No key leads from an intent to its volume, because each admission would have to write it: among what is pending all
   * lanes are looked through, as a sweep does; what has settled is found with its volume only.
   * @throws Refusal `not_found`
   */
  async one({ id, volume }: IntentQuery): Promise<Intent> {
    const intent = intentIdOf(id);
    const of = volume === undefined ? null : volumeIdOf(volume);
    const lane = await this.laneOf(intent, of);
    const pending = lane && shownPending(lane, intent);
    if (pending) return pending;
    const settled = of && (await this.by.actions.ofIntent(of, intent));
    if (!settled) throw notFound();
    return shownSettled(settled);
  }

  /** @throws Refusal `not_found`, or `conflict` with what would be right */
  async intervene(query: IntentQuery, what: Intervention, operator: Operator): Promise<Intent> {
    const found = await this.one(query);
    if (found.state === 'settled')
      throw new Refusal('conflict', 'The intent has settled: nothing is left to be done about it.');
    const intent = found.intent as IntentId;
    const resource = found.resource as ResourceName;
    const { before, now } = await intervene(this.by.engine, { resource, intent, what, operator });
    const { kind, requestId, parked } = before;
    const fields = { intentId: intent, resource, kind, requestId, what, ...operator };
    this.by.log.warn({ ...fields, reasonParked: parked?.reason }, 'operator intervened');
    const shown = now.lane && shownPending(now.lane, intent);
    if (shown === null) throw notFound();
    return shown;
  }

  private async laneOf(intent: IntentId, volume: VolumeId | null): Promise<Lane | null> {
    const { lanes } = this.by;
    return volume === null ? await lanes.ofIntent(intent) : await lanes.find(volumeResource(volume));
  }
}

/** @throws Refusal `not_found` */
function intentIdOf(text: string): IntentId {
  if (!isUuid(text)) throw notFound();
  return text as IntentId;
}

/** @throws Refusal `not_found` */
function volumeIdOf(text: string): VolumeId {
  const id = parseVolumeId(text);
  if (id === null) throw notFound();
  return id;
}

function shownPending({ resource, entries }: Lane, intent: IntentId): Intent | null {
  const position = entries.findIndex((entry) => entry.intent === intent);
  const entry = entries[position];
  if (entry === undefined) return null;
  const parked = entry.parked && { ...entry.parked, page: `docs/operating/${entry.parked.reason}.md` };
  const state = parked === null ? 'pending' : 'parked';
  return { ...entry, ledger: [...entry.ledger], state, resource, position, parked };
}

function shownSettled(action: ActionRecord): Intent {
  const { account, completedAt, intent, kind, message, n, params, region } = action;
  const { resource, revAfter, revBefore, startedAt, status } = action;
  const of = { intent, kind, params, account, region, resource, action: n, recordedAt: startedAt };
  return { state: 'settled', ...of, completedAt, status, message: message ?? null, revBefore, revAfter };
}
