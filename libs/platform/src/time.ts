import { UncertainError } from '@plumbline/domain';

/** Milliseconds since the process began: for durations, which no step of the wall clock may touch. */
export function monotonicMs(): number {
  return performance.now();
}

/** Rejects with the signal's reason as soon as it is aborted. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(reasonOf(signal));
      return;
    }
    const onAbort = () => {
      clearTimeout(timer);
      reject(reasonOf(signal));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/**
 * Rejects with `UncertainError` when the deadline passes first, and with the outer signal's reason when that is aborted;
 * the call is told by its signal. It may still be under way then: a deadline ends our waiting, not the call.
 */
export async function withDeadline<T>(
  { what, deadlineMs, signal }: { what: string; deadlineMs: number; signal?: AbortSignal },
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  if (signal?.aborted) throw reasonOf(signal);
  const controller = new AbortController();
  const onAbort = () => controller.abort(reasonOf(signal));
  const timer = setTimeout(() => {
    const message = `${what}: no answer within ${deadlineMs} ms`;
    controller.abort(new UncertainError(message, { reason: 'deadline' }));
  }, deadlineMs);
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([call(controller.signal), rejectionOf(controller.signal)]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  }
}

function rejectionOf(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(reasonOf(signal)), { once: true });
  });
}

function reasonOf(signal: AbortSignal | undefined): Error {
  const reason: unknown = signal?.reason;
  return reason instanceof Error ? reason : new Error('aborted', { cause: reason });
}
