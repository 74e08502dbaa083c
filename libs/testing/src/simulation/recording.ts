import { imageKeyOf } from '@plumbline/ceph-facets';
import type { AccountId, ActionRecord, Lane, VolumeId } from '@plumbline/domain';
import { LANE_ENTRIES_MAX } from '@plumbline/domain';
import { definitionOf } from '@plumbline/engine';
import { broken } from './judgement.js';
import type { Judgement } from './judgement.js';
import type { Change } from './register.js';
import { REGION } from './where.js';
import type { Mistake, World } from './world.js';

/** What every call says that was not answered: uncertain is to be looked into, never a reason to end. */
const NO_ANSWER = 'no answer';
/** In these words sources refuse for good. */
const REFUSED = [
  'refused',
  'there is no image to grow',
  'the image is smaller',
  'no node for the device',
  'it is not the image that was to be adopted',
];
const DELETED = 'Deleted before it was finished.';

/** R1 to R3, V7 as far as ids go, B1's bounds of a lane: what was promised is there, what was refused is not. */
export class Recording implements Judgement {
  /** How many promises there were when they were looked at last. */
  private known = 0;
  private readonly created = new Set<string>();
  private readonly recordedBy = new Map<string, string>();
  private readonly accounts = new Map<string, AccountId>();

  constructor(
    private readonly world: World,
    private readonly keyOf: ReadonlyMap<string, string>,
  ) {}

  judge(changes: readonly Change[]): Mistake | null {
    for (const change of changes) {
      const found = this.changed(change);
      if (found !== null) return found;
    }
    if (this.world.acknowledged !== this.known || changes.some(({ what }) => what === 'actions')) {
      this.known = this.world.acknowledged;
      return this.promised(null);
    }
    const lanes = changes.filter(({ what }) => what === 'lanes');
    return lanes.length === 0 ? null : this.promised(new Set(lanes.map(({ key }) => key.slice(-36))));
  }

  private changed({ what, key, before, after }: Change): Mistake | null {
    const id = key.slice(-36);
    const about = `volume/${id}`;
    const { register } = this.world;
    if (what === 'lanes' && after !== null) return this.lane(about, after as Lane);
    if (what === 'actions' && after !== null)
      return this.action(before as ActionRecord | null, after as ActionRecord);
    if (what === 'owners') {
      const known = this.accounts.get(id);
      if (known !== undefined) return broken('V7', 'an id was taken a second time', about);
      this.accounts.set(id, after as AccountId);
    }
    if (what === 'volumes' && after !== null && before === null && register.tombstones.has(id))
      return broken('V7', 'a volume came back under an id that was deleted', about);
    if (what === 'volumes' && after === null && !register.tombstones.has(id))
      return broken('V7', 'a volume is gone without a tombstone', about);
    return null;
  }

  private lane(about: string, lane: Lane): Mistake | null {
    const refused = lane.entries.find(({ intent }) => this.world.refused.has(intent));
    if (refused !== undefined)
      return broken('R2', `intent ${refused.intent} was refused and is carried out`, about);
    if (lane.entries.length > LANE_ENTRIES_MAX)
      return broken('B1', `a lane of ${lane.entries.length} intents`, about);
    return null;
  }

  private action(before: ActionRecord | null, after: ActionRecord): Mistake | null {
    const { resource, intent, kind, status, message = '' } = after;
    if (this.world.refused.has(intent))
      return broken('R2', `intent ${intent} was refused and ${status}`, resource);
    const key = this.keyOf.get(intent);
    const brings = definitionOf(this.world.rules.catalog, kind).on === 'absent';
    if (before === null && brings) {
      if (this.created.has(resource)) return broken('V7', 'an id was taken a second time', resource);
      this.created.add(resource);
    }
    if (before === null && key !== undefined) {
      const first = this.recordedBy.get(key);
      if (first !== undefined) return broken('R3', `${key} has recorded ${first} and ${intent}`, resource);
      this.recordedBy.set(key, intent);
    }
    if (before === null || status === 'in-progress') return null;
    if (before.status !== 'in-progress')
      return broken('R1', `action of intent ${intent} ended twice`, resource);
    const { faults, register } = this.world;
    faults.see(status === 'completed' ? `${kind}-completed` : 'intent-undone');
    if (status === 'completed') return null;
    if (message === DELETED) faults.see('create-cancelled');
    if (message.includes(NO_ANSWER))
      return broken('C5', `intent ${intent} was given up for an answer that did not come`, resource);
    const id = resource.slice(-36);
    if (REFUSED.includes(message) && !this.world.refusedKeys.has(id))
      return broken(
        'C5',
        `intent ${intent} ended as if refused, and nobody refused it: ${message}`,
        resource,
      );
    const wasTried = Number.isFinite(register.firstTried(imageKeyOf(REGION, id as VolumeId)));
    if (brings && wasTried && !register.tombstones.has(id))
      return broken('V7', 'a create was undone without a tombstone', resource);
    return null;
  }

  /**
   * Pending, parked or ended, and exactly one of these.
   * @param touched the volumes whose lanes alone have changed; null: anything may have
   */
  private promised(touched: ReadonlySet<string> | null): Mistake | null {
    const { promised, register } = this.world;
    for (const one of promised.values()) {
      const { intent, resource } = one;
      if (touched !== null && !touched.has(resource.slice(-36))) continue;
      const action = this.world.actionAt(one);
      if (action === null) return broken('R1', `the action of intent ${intent} is lost`, resource);
      const entries = register.lanes.get(resource)?.entries.filter((entry) => entry.intent === intent) ?? [];
      const isEnded = action.status !== 'in-progress';
      if (entries.length > 1) return broken('R1', `intent ${intent} is in its lane twice`, resource);
      const [entry] = entries;
      if (entry === undefined && !isEnded) return broken('R1', `intent ${intent} is lost`, resource);
      if (entry !== undefined && isEnded && entry.committed === null)
        return broken('R1', `intent ${intent} is pending and settled`, resource);
      if (entry === undefined) promised.delete(intent);
    }
    return null;
  }
}
