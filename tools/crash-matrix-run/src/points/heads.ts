import { volumeResource } from '@plumbline/domain';
import type { AnyFacet, HeadChange, LaneEntry, Place, ResourceName, Snapshot, Step } from '@plumbline/domain';
import type { MoveKey } from '../matrix/variants.js';
import type { Doing } from './wire.js';

/** A call that has returned, and whose line is not in the ledger yet. */
export interface Returned {
  readonly doing: Doing;
  readonly repeat: () => Promise<unknown>;
}

/** What each lane's head is, as far as this process has been told: by it a call is known for the move that it is. */
export class Heads {
  private readonly heads = new Map<ResourceName, LaneEntry>();
  private readonly returned = new Map<ResourceName, Returned[]>();

  learn({ resource, lane }: Snapshot): void {
    const head = lane?.entries[0];
    if (head === undefined) this.heads.delete(resource);
    else this.heads.set(resource, head);
  }

  /** The move that this call is; null: it is none, but a look before one, or an operator's question. */
  doingOf(facet: AnyFacet, place: Place, how: 'observe' | 'apply' | 'undo'): Doing | null {
    const volume = facet.volumeOf(place.key);
    // What is to be adopted has no volume's name yet: the step itself tells whose plan it stands in.
    const resources = volume === null ? [...this.heads.keys()] : [volumeResource(volume)];
    const text = JSON.stringify(place);
    for (const resource of resources) {
      const found = this.doingIn(resource, text, how);
      if (found !== null) return found;
    }
    return null;
  }

  private doingIn(resource: ResourceName, text: string, how: 'observe' | 'apply' | 'undo'): Doing | null {
    const head = this.heads.get(resource);
    if (head === undefined || head.plan === null) return null;
    for (const stage of ['prepare', 'finish'] as const) {
      const index = head.plan[stage].findIndex((step) => JSON.stringify(step) === text);
      const step = head.plan[stage][index];
      if (step === undefined || (how === 'observe') !== isLookOnly(step)) continue;
      const move: MoveKey = `${how === 'undo' ? 'undo' : stage}/${index}`;
      return doing(resource, head, { move, changes: how !== 'observe' });
    }
    return null;
  }

  note(one: Returned): void {
    const resource = one.doing.resource as ResourceName;
    this.returned.set(resource, [...(this.returned.get(resource) ?? []), one]);
  }

  takeReturned(resource: ResourceName): readonly Returned[] {
    const all = this.returned.get(resource) ?? [];
    this.returned.delete(resource);
    return all;
  }
}

/** What must hold already: a requirement, and that nothing is left over where something is to be built. */
function isLookOnly({ mode, want }: Pick<Step, 'mode' | 'want'>): boolean {
  return mode === 'require' || (mode === 'build' && want === null);
}

/** The move that a write is by itself; null: it is a line of the ledger, or an attempt. */
export function doingOfWrite({ from, entries, record }: HeadChange): Doing | null {
  const head = from.lane?.entries[0];
  if (head === undefined) return null;
  const settles = entries[0]?.intent !== head.intent;
  if (record === undefined && !settles) return null;
  const end = head.committed === null ? 'settle-undone' : 'settle-done';
  return doing(from.resource, head, { move: record === undefined ? end : 'commit', changes: true });
}

function doing(
  resource: ResourceName,
  { intent, kind, attempt }: LaneEntry,
  by: Pick<Doing, 'move' | 'changes'>,
): Doing {
  return { resource, kind, intent, turn: attempt?.turn ?? 0, ...by };
}
