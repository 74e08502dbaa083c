import type { ImageSeen } from '@plumbline/ceph-facets';
import type { Turn } from './call-gate.js';
import type { TrashEntry } from './encoding.js';
import { PAGE_ENTRIES } from './pool.js';
import type { Pool } from './pool.js';

/** How much trash is searched for one image. */
const TRASH_PAGES_MAX = 1_000;

/** What is there of an image: two calls when it is whole; only for one that is not is the rest looked through. */
export async function lookAt(turn: Turn, pool: Pool, image: string): Promise<ImageSeen | null> {
  const imageId = await pool.idOf(turn, image);
  if (imageId !== null) {
    const sizeBytes = await pool.sizeBytesOf(turn, imageId);
    if (sizeBytes !== null) return { imageId, sizeBytes, state: 'open' };
  }
  const listedId = imageId ?? (await pool.listedIdOf(turn, image));
  // With a header and no id object it was whole, and its move to the trash was interrupted: the size tells.
  if (listedId !== null) return halfMade(turn, pool, listedId);
  const entry = await findInTrash(turn, pool, image);
  if (entry === null) return null;
  if (entry.state === 'moving') return halfMade(turn, pool, entry.imageId);
  const sizeBytes = (await pool.sizeBytesOf(turn, entry.imageId)) ?? 0;
  return { imageId: entry.imageId, sizeBytes, state: entry.state === 'whole' ? 'trashed' : 'purging' };
}

async function halfMade(turn: Turn, pool: Pool, imageId: string): Promise<ImageSeen> {
  return { imageId, sizeBytes: (await pool.sizeBytesOf(turn, imageId)) ?? 0, state: 'half-made' };
}

/** The trash is kept by internal id, so a name has to be searched for; of several the one trashed last. */
async function findInTrash(turn: Turn, pool: Pool, image: string): Promise<TrashEntry | null> {
  let found: TrashEntry | null = null;
  let after = '';
  for (let pages = 0; pages < TRASH_PAGES_MAX; pages += 1) {
    const page = await pool.trashPage(turn, after);
    for (const entry of page) {
      if (entry.name === image && entry.deletedAtMs >= (found?.deletedAtMs ?? 0)) found = entry;
    }
    if (page.length < PAGE_ENTRIES) break;
    after = page.at(-1)?.imageId ?? after;
  }
  return found;
}
