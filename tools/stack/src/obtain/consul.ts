import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { cacheDir } from '../paths.js';
import { unpackPackage } from './apt.js';
import { obtainOnce } from './once.js';

/** A Consul on the PATH wins. Debian 12 has none, but Debian 11's is one static program that runs anywhere. */
export async function obtainConsul(): Promise<string> {
  const installed = onPath('consul');
  if (installed) return installed;
  const folder = await obtainOnce(join(cacheDir, 'consul'), async (fresh) => {
    const unpacked = mkdtempSync(join(fresh, 'deb-'));
    await unpackPackage('consul', unpacked);
    copyFileSync(join(unpacked, 'usr/bin/consul'), join(fresh, 'consul'));
    rmSync(unpacked, { recursive: true });
  });
  return join(folder, 'consul');
}

function onPath(program: string): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(':').filter((folder) => folder.startsWith('/'));
  return folders.map((folder) => join(folder, program)).find((file) => existsSync(file));
}
