/**
 * Gives an image another name. librbd's own rename lets the new name lead to the image first; whoever dies then leaves two
 * names of one image, and takes away its data when he removes the other. Here it is
 *
 * 1. the directory, which lists the image under one name or the other, never under both or none;
 * 2. the old name's `rbd_id` object, which goes if it leads to this image;
 * 3. the new name's, which comes.
 *
 * So an image that can be opened by its new name is renamed altogether. In between it is listed and cannot be opened, as one
 * that is `half-made`, with its size. Each of the three looks first, and may be done again; what a librbd left half-way is
 * finished by them as well. Whoever has the image open has it by its internal id, and notices nothing.
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

/** @returns `missing`: the image is listed under neither name, and nothing is done. @throws InvariantError where the new name is another's */
export async function rename(
  turn: Turn,
  pool: Pool,
  { from, to, imageId }: Rename,
): Promise<'renamed' | 'missing'> {
  const listed = await pool.listedIdOf(turn, to);
  if (listed !== imageId && (await pool.listedIdOf(turn, from)) !== imageId) return 'missing';
  const leadsTo = await pool.idOf(turn, to);
  if ([listed, leadsTo].some((id) => id !== null && id !== imageId))
    throw new InvariantError(`the name ${pool.name}/${to} is another image's`, { reason: 'stranger' });
  if (listed === null) await pool.renameInDirectory(turn, { from, to, imageId });
  await pool.dropId(turn, from, imageId);
  if (leadsTo === null) await pool.writeId(turn, to, imageId);
  return 'renamed';
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
