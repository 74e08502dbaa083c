/**
 * Listings with constant memory: a page of each pool's directory at a time, which RADOS keeps sorted by name, and so, for
 * names made of ids, by id. The pools' images are merged by that id; strangers' come in a second walk, after all of ours.
 */
import { setMaxListeners } from 'node:events';
import type { Place } from '@plumbline/domain';
import { volumeIdOfImage } from '@plumbline/domain';
import { isDiscarded } from '@plumbline/ceph-facets';
import type { ImageSeen } from '@plumbline/ceph-facets';
import type { DirectoryEntry } from './encoding.js';
import { lookAt } from './look.js';
import { PAGE_ENTRIES } from './pool.js';
import type { Pool } from './pool.js';
import type { Pools } from './pools.js';

export type ListedImage = Place & { readonly seen: ImageSeen };
export type TrashedImage = ListedImage & { readonly deletedAtMs: number };

/** So many images are looked at together. */
const LOOKS_AT_ONCE = 16;
/** A directory that has more pages than this is a loop of ours. */
const PAGES_MAX = 100_000;

/** Everything in the directories, half-made images included; what is in the trash is listed apart. */
export async function* listImages(pools: Pools, signal: AbortSignal): AsyncGenerator<ListedImage> {
  // All looks of one listing listen to its one signal; more than ten of them are no leak.
  setMaxListeners(0, signal);
  const ours = pools.all.map((pool) => imagesOf(pools, pool, signal, (id) => id !== null));
  yield* mergedByName(ours);
  for (const pool of pools.all) yield* imagesOf(pools, pool, signal, (id) => id === null);
}

/** The trash of all pools, pool by pool, in the order of the internal ids. */
export async function* listTrash(pools: Pools, signal: AbortSignal): AsyncGenerator<TrashedImage> {
  for (const pool of pools.all) {
    let after = '';
    for (let pages = 0; pages < PAGES_MAX; pages += 1) {
      const page = await pools.read(`list the trash of ${pool.name}`, signal, (turn) =>
        pool.trashPage(turn, after),
      );
      for (const { imageId, name, deletedAtMs } of page) {
        const seen = await pools.read(`look at trashed image ${pool.name}/${imageId}`, signal, (turn) =>
          pool.sizeBytesOf(turn, imageId),
        );
        // Without a header it was purged meanwhile, or its removal was interrupted.
        yield {
          key: `${pool.name}/${name}`,
          seen: { imageId, sizeBytes: seen ?? 0, state: 'trashed' },
          deletedAtMs,
        };
      }
      if (page.length < PAGE_ENTRIES) break;
      after = page.at(-1)?.imageId ?? after;
    }
  }
}

async function* imagesOf(
  pools: Pools,
  pool: Pool,
  signal: AbortSignal,
  wanted: (id: ReturnType<typeof volumeIdOfImage>) => boolean,
): AsyncGenerator<ListedImage> {
  let after = '';
  for (let pages = 0; pages < PAGES_MAX; pages += 1) {
    const page = await pools.read(`list the images of ${pool.name}`, signal, (turn) =>
      pool.directoryPage(turn, after),
    );
    const names = page.filter(([name]) => wanted(volumeIdOfImage(name)));
    for (let from = 0; from < names.length; from += LOOKS_AT_ONCE) {
      const some = names.slice(from, from + LOOKS_AT_ONCE);
      const seen = await Promise.all(some.map((entry) => lookAtListed(pools, pool, entry, signal)));
      yield* seen.filter((image) => image !== null);
    }
    if (page.length < PAGE_ENTRIES) return;
    after = page.at(-1)?.[0] ?? after;
  }
}

/** Null when it has gone since it was listed. */
async function lookAtListed(
  pools: Pools,
  pool: Pool,
  [name]: DirectoryEntry,
  signal: AbortSignal,
): Promise<ListedImage | null> {
  const key = `${pool.name}/${name}`;
  const seen = await pools.read(`look at image ${key}`, signal, (turn) => lookAt(turn, pool, name));
  return seen === null || isDiscarded(seen) ? null : { key, seen };
}

async function* mergedByName(sorted: AsyncGenerator<ListedImage>[]): AsyncGenerator<ListedImage> {
  const heads = await Promise.all(sorted.map(async (source) => ({ source, next: await source.next() })));
  for (;;) {
    let least: (typeof heads)[number] | undefined;
    for (const head of heads) {
      if (head.next.done) continue;
      if (!least || nameIn(head.next.value) < nameIn(least.next.value as ListedImage)) least = head;
    }
    if (!least) return;
    yield least.next.value as ListedImage;
    least.next = await least.source.next();
  }
}

function nameIn({ key }: Place): string {
  return key.slice(key.indexOf('/') + 1);
}
