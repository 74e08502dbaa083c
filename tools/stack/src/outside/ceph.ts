import { run } from '../run.js';
import { StackError } from '../errors.js';

export interface ImageInfo {
  name: string;
  id: string;
  sizeGib: number;
}

const deadlineMs = 15_000;

/** What `rbd info` says of an image, or nothing when there is none of that name. */
export async function imageInfo(conf: string, pool: string, image: string): Promise<ImageInfo | undefined> {
  try {
    const text = await run('rbd', ['-c', conf, 'info', '--format', 'json', `${pool}/${image}`], {
      timeoutMs: deadlineMs,
    });
    const { name, id, size } = JSON.parse(text) as { name: string; id: string; size: number };
    return { name, id, sizeGib: size / 1024 ** 3 };
  } catch (error) {
    if (error instanceof StackError && error.message.includes('No such file or directory')) return undefined;
    throw error;
  }
}

export async function imageNames(conf: string, pool: string): Promise<string[]> {
  const text = await run('rbd', ['-c', conf, 'ls', '--format', 'json', pool], { timeoutMs: deadlineMs });
  return JSON.parse(text) as string[];
}

export interface TrashEntry {
  id: string;
  name: string;
}

/** Images in a pool's trash. */
export async function trashEntries(conf: string, pool: string): Promise<TrashEntry[]> {
  const text = await run('rbd', ['-c', conf, 'trash', 'ls', '--format', 'json', pool], {
    timeoutMs: deadlineMs,
  });
  return JSON.parse(text) as TrashEntry[];
}

/** Gives an image back that is in a pool's trash under that name. */
export async function restoreFromTrash(conf: string, pool: string, name: string): Promise<void> {
  const entry = (await trashEntries(conf, pool)).find((one) => one.name === name);
  if (entry === undefined) throw new StackError(`${name} is not in the trash of ${pool}`);
  await run('rbd', ['-c', conf, 'trash', 'restore', `${pool}/${entry.id}`], { timeoutMs: deadlineMs });
}

/** Removes for good what a pool's trash holds under a name. */
export async function removeFromTrash(conf: string, pool: string, name: string): Promise<void> {
  for (const entry of await trashEntries(conf, pool)) {
    if (entry.name !== name) continue;
    const args = ['-c', conf, 'trash', 'rm', '--no-progress', `${pool}/${entry.id}`];
    await run('rbd', args, { timeoutMs: deadlineMs });
  }
}
