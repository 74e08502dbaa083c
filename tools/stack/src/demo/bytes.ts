/** Bytes that a guest writes to its disk, and the same bytes read back from the volume's image, past the guest. */
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { askGuest, guestDisks } from '../outside/guest.js';
import { cephConf, regions } from '../parts/ceph-conf.js';
import { run } from '../run.js';
import type { Stack } from '../state.js';
import { waitFor } from '../wait.js';
import { imageOf, type Subject } from './look.js';

const patternBytes = 64 * 1024;
const writeMs = 20_000;
const exportMs = 60_000;

/** One line of text, repeated; the volume's id in it tells it from anything older. */
function lineAt(volume: Subject, offsetMib: number): string {
  return `${volume.name} ${volume.id} at ${offsetMib} MiB`;
}

/** The guest finds the disk by what it calls itself, and does not return before the bytes are on it. */
export async function writeInGuest(serial: string, volume: Subject, offsetMib: number): Promise<string> {
  const disk = await waitFor(
    async () => (await guestDisks(serial)).find(({ identity }) => identity === volume.name),
    { what: `${volume.name} in the guest`, deadlineMs: writeMs, everyMs: 50 },
  );
  const repeated = `yes '${lineAt(volume, offsetMib)}' | head -c ${patternBytes}`;
  const blocksBefore = offsetMib * 256;
  const write = `dd of=/dev/${disk.name} bs=4096 seek=${blocksBefore} conv=fsync 2>/dev/null`;
  await askGuest(serial, `${repeated} | ${write}`, writeMs);
  return wording(offsetMib);
}

export function wording(offsetMib: number): string {
  return `${patternBytes / 1024} KiB written at ${offsetMib} MiB`;
}

/** Exports the image and says at which offsets it holds what the guest wrote. The file is sparse, and goes at once. */
export async function readFromImage(
  stack: Stack,
  volume: Subject,
  offsetsMib: readonly number[],
): Promise<string> {
  const file = join(stack.layout.run, `${demoFile}.${process.pid}`);
  const source = `${regions[0].pool}/${imageOf(volume)}`;
  try {
    await run('rbd', ['-c', cephConf(stack), 'export', '--no-progress', source, file], {
      timeoutMs: exportMs,
    });
    const found: number[] = [];
    for (const offset of offsetsMib) if (await holds(file, volume, offset)) found.push(offset);
    return `rbd export: ${readingOf(found)}`;
  } finally {
    await rm(file, { force: true });
  }
}

const demoFile = 'demo-export';

export function readingOf(offsetsMib: readonly number[]): string {
  return offsetsMib.length === 0
    ? 'nothing of what the guest wrote'
    : `what the guest wrote at ${offsetsMib.map((offset) => `${offset} MiB`).join(' and ')}`;
}

async function holds(file: string, volume: Subject, offsetMib: number): Promise<boolean> {
  const line = `${lineAt(volume, offsetMib)}\n`;
  const expected = line.repeat(Math.ceil(patternBytes / line.length)).slice(0, patternBytes);
  const handle = await open(file);
  try {
    const bytes = Buffer.alloc(patternBytes);
    const { bytesRead } = await handle.read(bytes, 0, patternBytes, offsetMib * 1024 ** 2);
    return bytes.subarray(0, bytesRead).toString('latin1') === expected;
  } finally {
    await handle.close();
  }
}
