import { LANE_ENTRIES_MAX, isUuid, volumeIdOf } from '@plumbline/domain';
import type { AnyFacet, Json, Lane, ResourceName, Source } from '@plumbline/domain';
import type { KvEntry } from '../kv.js';
import { inBunches, inParts, paced, parsed } from './parts.js';
import type { ByRegistry } from './parts.js';

/** Owners asked for together. */
const OWNERS_AT_ONCE = 32;

/**
 * Lanes that nobody can go on with, or whose actions nobody can ask for. A healthy one costs parts of two reads: its owner and
 * its actions have been there since it was admitted.
 */
export function brokenLaneSource(by: ByRegistry, facet: AnyFacet): Source {
  const { kv, layout } = by;
  return {
    facet,
    async observe({ key }) {
      // The key of a listed lane, which stood there as it is.
      const resource = key as ResourceName;
      const [entry] = await kv.read([layout.lane(resource)]);
      return entry ? await wrongOf(by, entry, resource) : null;
    },
    async *list(_signal, _unasked, turn) {
      const from = paced(by, turn);
      for await (const some of inBunches(inParts(from, layout.lane('volume/')), OWNERS_AT_ONCE)) {
        const lanes = some.map((entry) => ({ entry, resource: resourceOf(from, entry) }));
        const ours = lanes.filter(({ resource }) => isUuid(volumeIdOf(resource)));
        const owners = await from.kv.read(ours.map(({ resource }) => layout.owner(volumeIdOf(resource))));
        const owned = new Set(ours.filter((_, at) => owners[at]).map(({ resource }) => resource));
        const wrong = await Promise.all(
          lanes.map(({ entry, resource }) => wrongOf(from, entry, resource, owned.has(resource))),
        );
        for (const [at, { resource }] of lanes.entries())
          if (wrong[at]) yield { key: resource, seen: wrong[at] };
      }
    },
  };
}

async function wrongOf(
  by: ByRegistry,
  entry: KvEntry,
  resource: ResourceName,
  isOwned = false,
): Promise<Json> {
  const lane = laneIn(entry);
  if (lane === null) return { why: 'unreadable' };
  if (!isOwned && !(await isSomebodys(by, lane, resource))) return { why: 'nobodys' };
  return (await isShown(by, lane)) ? null : { why: 'unshown' };
}

async function isSomebodys(
  { kv, layout }: ByRegistry,
  { account }: Lane,
  resource: ResourceName,
): Promise<boolean> {
  const id = volumeIdOf(resource);
  const keys = [layout.owner(id), layout.tombstone(id), layout.volume(account, id)];
  return (await kv.read(keys)).some(Boolean);
}

/** Actions are written with their intents and never taken away: read after the lane, each must be there. */
async function isShown({ kv, layout }: ByRegistry, { account, entries }: Lane): Promise<boolean> {
  const numbers = entries.slice(0, LANE_ENTRIES_MAX).map(({ action }) => action);
  const customers = numbers.map((n) => layout.action(account, n));
  const internal = numbers.map((n) => layout.internalAction(account, n));
  const found = await kv.read([...customers, ...internal]);
  return numbers.every((_, at) => found[at] ?? found[at + numbers.length]);
}

function resourceOf({ layout }: ByRegistry, { key }: KvEntry): ResourceName {
  return key.slice(layout.lanes.length) as ResourceName;
}

/** As much of a lane as everybody who meets it needs; null: it is none. */
function laneIn({ value }: KvEntry): Lane | null {
  const lane = parsed<Partial<Lane>>(value);
  return typeof lane?.account === 'string' && Array.isArray(lane.entries) ? (lane as Lane) : null;
}
