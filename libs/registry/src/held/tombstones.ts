import { isUuid } from '@plumbline/domain';
import type { AnyFacet, Json, Source, Tombstone, VolumeId } from '@plumbline/domain';
import type { KvEntry } from '../kv.js';
import { inBunches, inParts, paced } from './parts.js';
import type { ByRegistry } from './parts.js';

/** Records asked for together. */
const RECORDS_AT_ONCE = 32;

/** The tombstones, each with whether there is a record beside it. */
export function tombstoneSource(by: ByRegistry, facet: AnyFacet): Source {
  const { kv, layout } = by;
  return {
    facet,
    async observe({ key }) {
      const [entry] = await kv.read([layout.tombstone(key as VolumeId)]);
      const [item] = entry ? await seenOf(by, [entry]) : [];
      return item?.seen ?? null;
    },
    async *list(_signal, _unasked, turn) {
      const from = paced(by, turn);
      const strangers: { key: string; seen: Json }[] = [];
      for await (const some of inBunches(inParts(from, layout.tombstones), RECORDS_AT_ONCE))
        for (const item of await seenOf(from, some))
          if (isUuid(item.key)) yield item;
          else strangers.push(item);
      yield* strangers;
    },
  };
}

async function seenOf(
  { kv, layout }: ByRegistry,
  entries: readonly KvEntry[],
): Promise<readonly { key: string; seen: Json }[]> {
  const stones = entries.map(({ value }) => JSON.parse(value) as Tombstone);
  const ours = stones.filter(({ account, id }) => isUuid(account) && isUuid(id));
  const keys = ours.map(({ account, id }) => layout.volume(account, id));
  const records = keys.length === 0 ? [] : await kv.read(keys);
  const living = new Set(ours.filter((_, at) => records[at]).map(({ id }) => id));
  return entries.map(({ key }, at) => ({
    key: key.slice(layout.tombstones.length),
    seen: { rev: stones[at]?.rev ?? 0, beside: ours.some((one) => one === stones[at] && living.has(one.id)) },
  }));
}
