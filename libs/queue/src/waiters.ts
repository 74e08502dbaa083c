import type { IntentId, ResourceName } from '@plumbline/domain';
import type { Logger } from 'pino';
import { WAKE_CHANNEL } from './bell.js';
import type { Wake } from './bell.js';
import { chunksOf } from './chunks.js';
import type { Listener } from './listener.js';
import { Trouble } from './trouble.js';

const POLL_MS = 1000;
/** Requests that may wait at once; one more is not waited for. */
const WAITERS_MAX = 10_000;
/** Intents looked at in one go. */
const LOOK_MAX = 500;

interface Waiting {
  readonly intent: IntentId;
  readonly resource: ResourceName;
}

interface Waiter<T> extends Waiting {
  readonly end: (ended: T | null) => void;
  /** `again`: woken while being looked at, so what was seen may be older than the wake. */
  state: 'idle' | 'looking' | 'again';
}

interface WaitersOptions<T> {
  readonly listener: Pick<Listener, 'listen'>;
  readonly log: Logger;
  /** What became of those that have ended; the others are left out. */
  readonly look: (waiting: readonly Waiting[]) => Promise<ReadonlyMap<IntentId, T>>;
}

/**
 * Requests that wait for their intents. A wake says where to look and is never believed itself; all waiters together are
 * looked at once a second besides, so that a lost wake costs a second and not the request.
 */
export class Waiters<T> {
  private readonly look: WaitersOptions<T>['look'];
  private readonly trouble: Trouble;
  private readonly waiters = new Map<IntentId, Set<Waiter<T>>>();
  private readonly woken = new Set<IntentId>();
  private count = 0;
  private timer: NodeJS.Timeout | null = null;
  private isScheduled = false;

  constructor({ listener, log, look }: WaitersOptions<T>) {
    this.look = look;
    this.trouble = new Trouble(log, 'looking after waiting intents');
    void listener.listen(WAKE_CHANNEL, (message) => this.wake(message as readonly Wake[]));
  }

  /** Null when the deadline passed first, or the signal was aborted. Call it before ringing, so that no wake is missed. */
  waitFor(
    waiting: { intent: IntentId; resource: ResourceName },
    { deadlineMs, signal }: { deadlineMs: number; signal?: AbortSignal },
  ): Promise<T | null> {
    if (this.count >= WAITERS_MAX || signal?.aborted) return Promise.resolve(null);
    return new Promise((resolve) => {
      const end = (ended: T | null) => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', giveUp);
        this.remove(waiter);
        resolve(ended);
      };
      const giveUp = () => end(null);
      const timer = setTimeout(giveUp, deadlineMs);
      signal?.addEventListener('abort', giveUp, { once: true });
      const waiter: Waiter<T> = { ...waiting, end, state: 'idle' };
      this.insert(waiter);
    });
  }

  get waitingCount(): number {
    return this.count;
  }

  /** Ends all waiting. */
  close(): void {
    for (const waiter of this.all()) waiter.end(null);
  }

  private insert(waiter: Waiter<T>): void {
    const same = this.waiters.get(waiter.intent) ?? new Set();
    this.waiters.set(waiter.intent, same.add(waiter));
    this.count++;
    this.timer ??= setInterval(() => void this.lookAt(this.all()), POLL_MS);
  }

  private remove(waiter: Waiter<T>): void {
    const same = this.waiters.get(waiter.intent);
    if (!same?.delete(waiter)) return;
    if (same.size === 0) this.waiters.delete(waiter.intent);
    this.count--;
    if (this.count > 0 || this.timer === null) return;
    clearInterval(this.timer);
    this.timer = null;
  }

  private all(): Waiter<T>[] {
    return [...this.waiters.values()].flatMap((same) => [...same]);
  }

  private wake(wakes: readonly Wake[]): void {
    for (const { intent } of wakes) {
      if (this.waiters.has(intent)) this.woken.add(intent);
    }
    if (this.woken.size === 0 || this.isScheduled) return;
    this.isScheduled = true;
    setImmediate(() => {
      const woken = [...this.woken].flatMap((intent) => [...(this.waiters.get(intent) ?? [])]);
      this.isScheduled = false;
      this.woken.clear();
      for (const waiter of woken) if (waiter.state === 'looking') waiter.state = 'again';
      void this.lookAt(woken);
    });
  }

  private async lookAt(waiters: readonly Waiter<T>[]): Promise<void> {
    const idle = waiters.filter((waiter) => waiter.state === 'idle');
    await Promise.all(chunksOf(idle, LOOK_MAX).map((batch) => this.lookAtBatch(batch)));
  }

  private async lookAtBatch(batch: readonly Waiter<T>[]): Promise<void> {
    for (const waiter of batch) waiter.state = 'looking';
    try {
      const ended = await this.look(batch.map(({ intent, resource }) => ({ intent, resource })));
      this.trouble.worked();
      for (const waiter of batch) {
        const end = ended.get(waiter.intent);
        if (end !== undefined) waiter.end(end);
      }
    } catch (error) {
      this.trouble.failed(error);
    }
    const again = batch.filter((waiter) => this.finishLook(waiter));
    if (again.length > 0) await this.lookAt(again);
  }

  /** Whether it still waits and was woken meanwhile. */
  private finishLook(waiter: Waiter<T>): boolean {
    const again = waiter.state === 'again';
    waiter.state = 'idle';
    return again && (this.waiters.get(waiter.intent)?.has(waiter) ?? false);
  }
}
