import type { WorkerContext } from './ports.js';

/** One call out, told by its signal when nobody waits for it any more. */
export async function withDeadline<T>(
  context: WorkerContext,
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { signal, clear } = context.clock.deadline(context.policy.deadlineMs);
  try {
    return await call(signal);
  } finally {
    clear();
  }
}
