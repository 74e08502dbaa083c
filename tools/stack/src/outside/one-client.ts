import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { StackError } from '../errors.js';

const againMs = 20;

/** A connection that is still there to be asked, and what is left of its deadline. */
export interface Turn {
  socket: Socket;
  leftMs: number;
}

/**
 * Connects to a socket that serves one client at a time. QEMU lets one more wait in line and turns the rest away with
 * EAGAIN; those come again until the deadline.
 */
export async function connectInTurn(path: string, deadlineMs: number): Promise<Turn> {
  const end = Date.now() + deadlineMs;
  for (;;) {
    const socket = connect(path);
    try {
      await once(socket, 'connect');
      return { socket, leftMs: Math.max(1, end - Date.now()) };
    } catch (cause) {
      socket.destroy();
      const busy = (cause as NodeJS.ErrnoException).code === 'EAGAIN';
      if (!busy || Date.now() >= end) throw new StackError(`cannot reach ${path}`, { cause });
    }
    await sleep(againMs);
  }
}
