import { stoppedWaiting } from './errors.js';

/** What this process has under way, by key. A call that nobody waits for any more stays open until it has ended. */
export class OpenCalls {
  private readonly byKey = new Map<string, Set<Promise<unknown>>>();

  /** Notes a promise as open until it settles. */
  note(key: string, call: Promise<unknown>): void {
    const open = this.byKey.get(key) ?? new Set();
    this.byKey.set(key, open.add(call));
    const ended = () => {
      open.delete(call);
      if (open.size === 0 && this.byKey.get(key) === open) this.byKey.delete(key);
    };
    void call.then(ended, ended);
  }

  /** Carries out a call, and stops waiting for it as soon as the signal is aborted. */
  async run<T>(
    { key, what, signal }: { key: string; what: string; signal: AbortSignal },
    call: () => Promise<T>,
  ): Promise<T> {
    if (signal.aborted) throw stoppedWaiting(what, signal);
    const outcome = call();
    this.note(key, outcome);
    return untilAborted(outcome, what, signal);
  }

  async idle(key: string): Promise<void> {
    for (let open = this.byKey.get(key); open !== undefined; open = this.byKey.get(key)) {
      await Promise.allSettled(open);
    }
  }
}

/** The outcome, or that it is uncertain as soon as the signal is aborted. */
function untilAborted<T>(outcome: Promise<T>, what: string, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(stoppedWaiting(what, signal));
    signal.addEventListener('abort', onAbort, { once: true });
    void outcome.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
