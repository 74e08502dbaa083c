/** The load, in a process of its own: what it costs must not slow down, or be counted as, what is measured. */
import { serve } from '../companion.js';
import { repeat, type Effort } from '../measure/effort.js';
import type { Measured } from '../measure/figures.js';
import { LoadConnection } from './connection.js';
import { askingOf, type Operation } from './operations.js';

export interface LoadWish {
  readonly base: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly effort: Effort;
  readonly operation: Operation;
}

export interface LoadResult extends Measured {
  readonly made: readonly string[];
}

serve<LoadWish, LoadResult>(async ({ base, headers, effort, operation }) => {
  const idle = Array.from({ length: effort.inFlight }, () => new LoadConnection(base, headers));
  const all = [...idle];
  const { ask, made } = askingOf(operation);
  try {
    const measured = await repeat(effort, async (n) => {
      const connection = idle.pop()!; // As many as may be in flight.
      try {
        return await ask(connection, n);
      } catch (error) {
        return error instanceof Error ? error.message : String(error);
      } finally {
        idle.push(connection);
      }
    });
    return { ...measured, made };
  } finally {
    await Promise.all(all.map((connection) => connection.close()));
  }
});
