import type {
  Claims,
  FootprintDelta,
  Lane,
  RegionSlug,
  Snapshot,
  VmId,
  VolumeRecord,
} from '@plumbline/domain';
import { unfold } from './materialize.js';
import type { Rules } from './materialize.js';

/**
 * What a volume and its pending work take up: names, counted volumes and GiB, slots of VMs. A pure function of record
 * and lane, so that no transaction has to remember what an earlier one reserved: each applies the difference between
 * the footprint before and after it.
 */
export interface Footprint {
  readonly volumes: number;
  readonly gib: number;
  /** `<region>/<name>` → its parts. */
  readonly names: ReadonlyMap<string, { readonly region: RegionSlug; readonly name: string }>;
  readonly slots: ReadonlyMap<VmId, 'reserved' | 'attached'>;
}

/**
 * The most that any moment from now until the lane is empty can need, whichever intents are undone. What came before the
 * head began to be undone was judged with it, what came later without it: both ways are counted.
 */
export function footprintOf(record: VolumeRecord | null, lane: Lane | null, rules: Rules): Footprint {
  const names = new Map<string, { region: RegionSlug; name: string }>();
  const slots = new Map<VmId, 'reserved' | 'attached'>();
  let volumes = 0;
  let gib = 0;
  const all = lane?.entries ?? [];
  const left = all.filter(({ undoing }) => undoing === null);
  const ways = left.length === all.length ? [all] : [all, left];
  for (const state of ways.flatMap((entries) => [...unfold(record, entries, rules)])) {
    if (state === null) continue;
    volumes = 1;
    gib = Math.max(gib, state.sizeGib);
    names.set(`${state.region}/${state.name}`, { region: state.region, name: state.name });
    if (state.attachment !== null) slots.set(state.attachment.vm, 'reserved');
  }
  if (record?.attachment) slots.set(record.attachment.vm, 'attached');
  return { volumes, gib, names, slots };
}

/** What a volume holds by what stands of it, and beside it what is to be given back. An action with an intent behind it stays. */
export function claimsOf(
  { lane, record }: Pick<Snapshot, 'record' | 'lane'>,
  { givesBack, at }: Pick<Claims, 'givesBack' | 'at'>,
  rules: Rules,
): Claims {
  const { names, slots } = footprintOf(record, lane, rules);
  const waiting = new Set(lane?.entries.map(({ action }) => action));
  const actions = givesBack.actions.filter((n) => !waiting.has(n));
  return { names: [...names.values()], slots, givesBack: { ...givesBack, actions }, at };
}

const NOTHING: FootprintDelta = { volumes: 0, gib: 0, namesTaken: [], namesFreed: [], slots: new Map() };

/**
 * What a transaction has to change in shared values, given what record and lane are before and after it. Most writes of a
 * turn leave alone what a footprint is made of; that must hold too where it cannot be computed, because an intent that
 * cannot be planned has to be parked.
 */
export function deltaBetween(
  before: Pick<Snapshot, 'record' | 'lane'>,
  after: Pick<Snapshot, 'record' | 'lane'>,
  rules: Rules,
): FootprintDelta {
  if (before.record === after.record && takesUpTheSame(before.lane, after.lane)) return NOTHING;
  return deltaOf(
    footprintOf(before.record, before.lane, rules),
    footprintOf(after.record, after.lane, rules),
  );
}

/** An intent is never edited: beside which are pending, only how they stand can change what they take up. */
function takesUpTheSame(one: Lane | null, other: Lane | null): boolean {
  const [before, after] = [one?.entries ?? [], other?.entries ?? []];
  return (
    before.length === after.length &&
    before.every((entry, at) => {
      const now = after[at];
      return (
        now?.intent === entry.intent &&
        (now.undoing === null) === (entry.undoing === null) &&
        (now.committed === null) === (entry.committed === null)
      );
    })
  );
}

function deltaOf(before: Footprint, after: Footprint): FootprintDelta {
  const slots = new Map<VmId, 'reserved' | 'attached' | 'free'>();
  for (const [vm, slot] of after.slots) if (before.slots.get(vm) !== slot) slots.set(vm, slot);
  for (const vm of before.slots.keys()) if (!after.slots.has(vm)) slots.set(vm, 'free');
  return {
    volumes: after.volumes - before.volumes,
    gib: after.gib - before.gib,
    namesTaken: [...after.names].filter(([key]) => !before.names.has(key)).map(([, name]) => name),
    namesFreed: [...before.names].filter(([key]) => !after.names.has(key)).map(([, name]) => name),
    slots,
  };
}
