import { UncertainError } from '@plumbline/domain';
import type { CephCall, FakeCeph } from './fake-ceph.js';
import type { FakePool } from './fake-pool.js';

/** One process's work on one image: its calls, one after the other. */
export interface FakeLine {
  readonly key: string;
  readonly pool: FakePool;
  readonly name: string;
  readonly address: string;
  /** Not begun when nobody waits for the outcome any more. */
  readonly call: <T>(call: CephCall, effect: () => T) => Promise<T>;
  /** Begun in any case. */
  readonly release: <T>(call: CephCall, effect: () => T) => Promise<T>;
}

/** The calls of one client: one at a time on an image, waited for until the signal, landing whenever they land. */
export class FakeCalls {
  private readonly lines = new Map<string, Promise<void>>();
  private killed = false;

  constructor(
    private readonly ceph: FakeCeph,
    private readonly address: string,
    private readonly onBlocklisted: () => void,
  ) {}

  /** From here on the client asks nothing any more, and nothing in it learns of any reply. */
  kill(): void {
    this.killed = true;
  }

  /** Works on an image when all earlier work of this client on it has ended. */
  inLine<T>(key: string, signal: AbortSignal, work: (line: FakeLine) => Promise<T>): Promise<T> {
    if (signal.aborted) return Promise.reject(stoppedWaiting(key));
    const earlier = this.lines.get(key) ?? Promise.resolve();
    const outcome = earlier.then(() => work(this.lineOf(key, signal)));
    const ended = outcome.then(ignore, ignore).then(() => {
      if (this.lines.get(key) === ended) this.lines.delete(key);
    });
    this.lines.set(key, ended);
    return untilAborted(key, outcome, signal);
  }

  /** A single call beside everything else. */
  beside<T>(call: CephCall, about: string, signal: AbortSignal, effect: () => T): Promise<T> {
    if (signal.aborted) return Promise.reject(stoppedWaiting(about));
    return untilAborted(about, this.send(call, about, effect), signal);
  }

  async idle(key: string): Promise<void> {
    for (let line = this.lines.get(key); line !== undefined; line = this.lines.get(key)) await line;
  }

  private lineOf(key: string, signal: AbortSignal): FakeLine {
    const release = <T>(call: CephCall, effect: () => T) => this.send(call, key, effect);
    return {
      key,
      ...this.ceph.at(key),
      address: this.address,
      release,
      call: (call, effect) => (signal.aborted ? Promise.reject(stoppedWaiting(key)) : release(call, effect)),
    };
  }

  /** Request, effect and reply. What was sent before its sender died still lands. */
  private async send<T>(call: CephCall, key: string, effect: () => T): Promise<T> {
    if (this.killed) return forever();
    const { ceph, address } = this;
    await ceph.pass({ at: 'request', call, key, address });
    if (ceph.blocklist.has(address)) {
      if (this.killed) return forever();
      this.onBlocklisted();
      throw new UncertainError(`could not ${call} ${key}`, { reason: 'ceph-blocklisted' });
    }
    const answer = effect();
    await ceph.pass({ at: 'reply', call, key, address });
    return this.killed ? forever() : answer;
  }
}

function untilAborted<T>(key: string, outcome: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(stoppedWaiting(key));
    signal.addEventListener('abort', onAbort, { once: true });
    void outcome.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

function stoppedWaiting(key: string): UncertainError {
  return new UncertainError(`stopped waiting for: ${key}`, { reason: 'ceph-timeout' });
}

/** What the dead wait for. */
function forever<T>(): Promise<T> {
  return new Promise(() => {});
}

function ignore(): void {}
