import { isUuid, volumeIdOf } from '@plumbline/domain';
import type { AnyFacet, Json, Lane, ResourceName, Source } from '@plumbline/domain';
import type { KvEntry } from '../kv.js';
import { inBunches, inParts } from './parts.js';
import type { ByRegistry } from './parts.js';

/** Owners asked for together. */
const OWNERS_AT_ONCE = 32;

/** Lanes that nobody can go on with. A healthy one costs a part of one read: its owner has been there since it was admitted. */
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
    async *list() {
      for await (const some of inBunches(inParts(by, layout.lane('volume/')), OWNERS_AT_ONCE)) {
        const lanes = some.map((entry) => ({ entry, resource: resourceOf(by, entry) }));
        const ours = lanes.filter(({ resource }) => isUuid(volumeIdOf(resource)));
        const owners = await kv.read(ours.map(({ resource }) => layout.owner(volumeIdOf(resource))));
        const owned = new Set(ours.filter((_, at) => owners[at]).map(({ resource }) => resource));
        for (const { entry, resource } of lanes) {
          if (owned.has(resource) && parsed(entry) !== null) continue;
          const seen = await wrongOf(by, entry, resource);
          if (seen !== null) yield { key: resource, seen };
        }
      }
    },
  };
}

async function wrongOf({ kv, layout }: ByRegistry, entry: KvEntry, resource: ResourceName): Promise<Json> {
  const lane = parsed(entry);
  if (lane === null) return { why: 'unreadable' };
  const id = volumeIdOf(resource);
  const keys = [layout.owner(id), layout.tombstone(id), layout.volume(lane.account, id)];
  return (await kv.read(keys)).some(Boolean) ? null : { why: 'nobodys' };
}

function resourceOf({ layout }: ByRegistry, { key }: KvEntry): ResourceName {
  return key.slice(layout.lanes.length) as ResourceName;
}

/** As much of a lane as everybody who meets it needs; null: it is none. */
function parsed({ value }: KvEntry): Lane | null {
  try {
    const lane = JSON.parse(value) as Partial<Lane> | null;
    return typeof lane?.account === 'string' && Array.isArray(lane.entries) ? (lane as Lane) : null;
  } catch {
    return null;
  }
}
