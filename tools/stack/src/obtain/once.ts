import { chmodSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * Makes a cached folder in one stroke: it is filled under another name and renamed, so that two stacks that start at
 * once, or a start that is killed, never leave half of it.
 */
export async function obtainOnce(folder: string, fill: (fresh: string) => Promise<void>): Promise<string> {
  if (existsSync(folder)) return folder;
  mkdirSync(dirname(folder), { recursive: true });
  const fresh = mkdtempSync(join(dirname(folder), 'fetching-'));
  try {
    await fill(fresh);
    // Made for its owner alone; but a clone may be used by several people.
    chmodSync(fresh, 0o755);
    if (!existsSync(folder)) renameSync(fresh, folder);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  return folder;
}
