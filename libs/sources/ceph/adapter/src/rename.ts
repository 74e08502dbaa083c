/**
 * Gives an image another name. librbd's own rename lets the new name lead to the image first; whoever dies then leaves two
 * names of one image, and takes away its data when he removes the other. Here the directory comes first, which lists the
 * image under one name or the other, never under both or none; then come the names' `rbd_id` objects. Whatever is looked at
 * to see whether it is done is the volume's own name, so that changes last: an image that arrives
 *
 * 1. is listed under the volume's name, 2. is not led to from the other any more, 3. is led to from the volume's;
 *
 * and one that leaves is listed under the other name, led to from that, and last not led to from the volume's. While it
 * leaves both may lead to it: the volume's is then known to nobody but its own lane, which comes back for it.
 *
 * Each step looks first, and may be done again; what a librbd left half-way is finished by them as well. Whoever has the
 * image open has it by its internal id, and notices nothing.
 */
import { InvariantError } from '@plumbline/domain';
import type { ImageSeen } from '@plumbline/ceph-facets';
import type { Turn } from './call-gate.js';
import type { Pool } from './pool.js';

export interface Rename {
  readonly from: string;
  readonly to: string;
  readonly imageId: string;
}

/**
 * To its volume's name.
 * @returns `missing`: it is listed under neither, and nothing is done. @throws InvariantError where the new name is another's
 */
export async function arrive(turn: Turn, pool: Pool, by: Rename): Promise<'renamed' | 'missing'> {
  const stand = await standOf(turn, pool, by);
  if (stand === null) return 'missing';
  if (!stand.isListed) await pool.renameInDirectory(turn, by);
  await pool.dropId(turn, by.from, by.imageId);
  if (!stand.isLedTo) await pool.writeId(turn, by.to, by.imageId);
  return 'renamed';
}

/**
 * From its volume's name. Where it is listed under neither, its volume's just stops leading to it.
 * @throws InvariantError where the new name is another's
 */
export async function leave(turn: Turn, pool: Pool, by: Rename): Promise<void> {
  const stand = await standOf(turn, pool, by);
  if (stand?.isListed === false) {
    // An arrival that was broken off has not let its name lead to it yet: without that nobody would come back for it.
    await pool.writeId(turn, by.from, by.imageId);
    await pool.renameInDirectory(turn, by);
  }
  if (stand?.isLedTo === false) await pool.writeId(turn, by.to, by.imageId);
  await pool.dropId(turn, by.from, by.imageId);
}

/** How far it has come with its new name; null: it is listed under neither. */
async function standOf(
  turn: Turn,
  pool: Pool,
  { from, to, imageId }: Rename,
): Promise<{ isListed: boolean; isLedTo: boolean } | null> {
  const listed = await pool.listedIdOf(turn, to);
  if (listed !== imageId && (await pool.listedIdOf(turn, from)) !== imageId) return null;
  const leadsTo = await pool.idOf(turn, to);
  if ([listed, leadsTo].some((id) => id !== null && id !== imageId))
    throw new InvariantError(`the name ${pool.name}/${to} is another image's`, { reason: 'stranger' });
  return { isListed: listed !== null, isLedTo: leadsTo !== null };
}

/** An image that its name does not lead to, by its internal id: under another name, or in the trash under any. */
export async function lookById(turn: Turn, pool: Pool, imageId: string): Promise<ImageSeen | null> {
  const [name, entry] = [await pool.nameOf(turn, imageId), await pool.trashEntryOf(turn, imageId)];
  const sizeBytes = await pool.sizeBytesOf(turn, imageId);
  if (sizeBytes === null) return null;
  if (entry === null) return name === null ? null : { imageId, sizeBytes, state: 'renamed', name };
  const state = entry.state === 'whole' ? 'trashed' : entry.state === 'moving' ? 'half-made' : 'purging';
  return { imageId, sizeBytes, state, name: entry.name };
}
