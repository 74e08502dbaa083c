import { sorted, volumeIdOfImage } from '@plumbline/domain';
import type { Json, Place, Source } from '@plumbline/domain';
import { cephTrash, parseTrashKey, trashKeyOf } from '@plumbline/ceph-facets';
import type { TrashEntry } from './encoding.js';
import { PAGE_ENTRIES } from './pool.js';
import type { Pool } from './pool.js';
import type { Pools } from './pools.js';

/** A trash that has more pages than this is a loop of ours. */
const PAGES_MAX = 100_000;

/**
 * What is in the trash under names of ours, for whoever only looks. RADOS keeps it in the order of the internal ids: a listing
 * sorts it by the volumes' ids, and a look for one walks through the pages up to it.
 */
export function trashSource(pools: Pools): Source {
  return {
    facet: cephTrash,
    async observe({ key }, signal) {
      const { imageId, name, pool: poolName } = parseTrashKey(key);
      const pool = pools.all.find((one) => one.name === poolName);
      if (pool === undefined) return null;
      for await (const entry of entriesOf(pools, pool, signal))
        if (entry.imageId === imageId && entry.name === name) return { imageId };
      return null;
    },
    list: (signal) =>
      sorted(
        () => ours(pools, signal),
        ({ key }) => `${cephTrash.volumeOf(key)} ${key}`,
      ),
  };
}

async function* ours(pools: Pools, signal: AbortSignal): AsyncGenerator<Place & { readonly seen: Json }> {
  for (const pool of pools.all)
    for await (const { imageId, name } of entriesOf(pools, pool, signal))
      if (volumeIdOfImage(name) !== null)
        yield { key: trashKeyOf({ pool: pool.name, name, imageId }), seen: { imageId } };
}

async function* entriesOf(pools: Pools, pool: Pool, signal: AbortSignal): AsyncGenerator<TrashEntry> {
  let after = '';
  for (let pages = 0; pages < PAGES_MAX; pages += 1) {
    const page = await pools.read(`look through the trash of ${pool.name}`, signal, (turn) =>
      pool.trashPage(turn, after),
    );
    yield* page;
    if (page.length < PAGE_ENTRIES) return;
    after = page.at(-1)?.imageId ?? after;
  }
}
