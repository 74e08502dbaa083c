import { backoffMs } from '@plumbline/domain';
import { sleep } from '@plumbline/platform';
import type { Process } from './process.js';

const RETRY_BASE_MS = 250;
const RETRY_CAP_MS = 5000;

/**
 * Opens a connection, or says over one what has to be said before anything else, however long what is behind it is away;
 * meanwhile the process is alive, and not ready.
 */
export async function untilConnected<T>(
  process: Process,
  source: string,
  open: () => Promise<T>,
): Promise<T> {
  let why: unknown = new Error('not connected yet');
  let connected = false;
  process.readiness.check(`connection to ${source}`, () =>
    connected ? Promise.resolve() : Promise.reject(why instanceof Error ? why : new Error(String(why))),
  );
  for (let tries = 1; ; tries += 1) {
    try {
      const connection = await open();
      connected = true;
      return connection;
    } catch (err) {
      process.shutdown.signal.throwIfAborted();
      why = err;
      process.log.warn({ err, source }, 'waiting for the source');
      const delayMs = backoffMs({ tries, baseMs: RETRY_BASE_MS, capMs: RETRY_CAP_MS, random: Math.random });
      await sleep(delayMs, process.shutdown.signal);
    }
  }
}
