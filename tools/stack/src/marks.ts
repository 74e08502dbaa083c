import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The mark in a data folder is written last: a folder without it was left half made by a crash, and is begun anew.
 */
export function isWhole(folder: string): boolean {
  return existsSync(join(folder, '.made-whole'));
}

export function markWhole(folder: string): void {
  writeFileSync(join(folder, '.made-whole'), '');
}
