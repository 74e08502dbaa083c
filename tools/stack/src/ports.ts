import { createServer } from 'node:net';
import { StackError } from './errors.js';

/** Below the range from which Linux takes the ports of outgoing connections, so that none of those is in the way. */
const lowest = 20_000;
const blockSize = 40;
const blocks = 300;

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((done) => {
    server.once('error', () => done(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => done(true)));
  });
}

export interface PortWish {
  names: readonly string[];
  remembered: Readonly<Record<string, number>>;
  /** Ports that a living process of this stack holds. */
  held: ReadonlySet<number>;
  /** Where to begin to look: different for every data folder, so that two starts at once do not meet. */
  start: number;
}

/**
 * Gives every name a port: the remembered one while nobody else has taken it, else the next free one of the block
 * that belongs to the data folder.
 */
export async function choosePorts(
  { names, remembered, held, start }: PortWish,
  free: (port: number) => Promise<boolean> = isFree,
): Promise<Record<string, number>> {
  const chosen: Record<string, number> = {};
  const used = new Set<number>(held);
  for (const name of names) {
    const before = remembered[name];
    if (before === undefined) continue;
    if (held.has(before) || (!used.has(before) && (await free(before)))) {
      chosen[name] = before;
      used.add(before);
    }
  }
  const candidates = candidatePorts(start);
  for (const name of names) {
    if (chosen[name] !== undefined) continue;
    chosen[name] = await nextFree(candidates, used, free);
  }
  return chosen;
}

function candidatePorts(start: number): number[] {
  const first = (start % blocks) * blockSize;
  return Array.from({ length: blocks * blockSize }, (_, n) => lowest + ((first + n) % (blocks * blockSize)));
}

async function nextFree(
  candidates: readonly number[],
  used: Set<number>,
  free: (port: number) => Promise<boolean>,
): Promise<number> {
  for (const port of candidates) {
    if (used.has(port) || !(await free(port))) continue;
    used.add(port);
    return port;
  }
  throw new StackError(`no free port between ${lowest} and ${lowest + blocks * blockSize}`);
}
