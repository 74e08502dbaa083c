import { InvariantError } from '@plumbline/domain';
import type { Transaction, TransactionOutcome } from './kv.js';
import { Group, opsOf, sized, VALUES_BYTES_MAX } from './merge.js';
import {
  GUARDS,
  MergedCommit,
  type Caller,
  type Carried,
  type MergedCommitOptions,
} from './merged-commit.js';
import { unavailable } from './refusals.js';
import type { Timing } from './timing.js';
import { OPS_MAX } from './transport.js';

/**
 * Transactions of many callers go out as one, one at a time: each Raft entry costs Consul the same whatever is in it, so
 * merging halves its work, and a second one in flight would only make both smaller.
 */
export interface GroupCommitOptions extends MergedCommitOptions {
  readonly timing: Timing;
  /** How long several waiting callers wait for more; a lone one never does. */
  readonly lingerMs: number;
  /** Who has waited so long without being sent is refused. */
  readonly waitMaxMs: number;
  readonly waitersMax: number;
  /** This process may never write again: it must exit. */
  readonly onFenced: () => void;
}

interface Waiting extends Caller {
  readonly cameAtMs: number;
}

const GROUP_OPS_MAX = OPS_MAX - GUARDS;

export class GroupCommit {
  readonly #commit: MergedCommit;
  #queue: Waiting[] = [];
  /** Those that are nobody else's: who waits makes at least this many. */
  #queuedOps = 0;
  #state: 'idle' | 'called' | 'lingering' | 'sending' = 'idle';
  #stopLingering: (() => void) | null = null;
  #refusing: string | null = null;
  readonly #whenIdle: (() => void)[] = [];

  constructor(private readonly options: GroupCommitOptions) {
    this.#commit = new MergedCommit(options);
  }

  async transact(transaction: Transaction): Promise<TransactionOutcome> {
    if (this.#refusing !== null) throw unavailable(this.#refusing);
    if (this.#queue.length >= this.options.waitersMax) throw unavailable('too many writes are waiting');
    const size = sized(transaction);
    const { uses, ownOps, sharedOps, bytes } = size;
    if (opsOf(size) > GROUP_OPS_MAX || bytes > VALUES_BYTES_MAX) {
      throw new InvariantError('writing more than fits one transaction', { reason: 'transaction-too-large' });
    }
    return new Promise((resolve, reject) => {
      this.#queue.push({
        transaction,
        uses,
        ownOps,
        sharedOps,
        bytes,
        folds: transaction.folds ?? [],
        cameAfter: this.#commit.sent,
        cameAtMs: this.options.timing.nowMs(),
        foldTries: 0,
        sentAgain: false,
        resolve,
        reject,
      });
      this.#queuedOps += ownOps;
      this.#call();
    });
  }

  /** Refuses what comes from now on, and resolves when what came before has its answer. */
  async close(): Promise<void> {
    this.#refusing ??= 'this process is shutting down';
    if (this.#state === 'idle') return;
    await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
  }

  #call(): void {
    if (this.#state === 'lingering' && this.#queuedOps >= GROUP_OPS_MAX) {
      this.#stopLingering?.();
      this.#send();
    }
    if (this.#state !== 'idle') return;
    this.#state = 'called';
    this.options.timing.soon(() => this.#begin());
  }

  #begin(): void {
    const worthWaiting = this.#queue.length > 1 && this.#queuedOps < GROUP_OPS_MAX;
    if (!worthWaiting || this.options.lingerMs === 0) return this.#send();
    this.#state = 'lingering';
    this.#stopLingering = this.options.timing.after(this.options.lingerMs, () => this.#send());
  }

  #send(): void {
    this.#state = 'sending';
    this.#stopLingering = null;
    const group = this.#take();
    void this.#commit
      .carry(group)
      .catch((error: unknown) => {
        for (const caller of group) caller.reject(error); // A mistake of ours: nobody may wait for ever.
        return { postponed: [], fenced: false, answer: () => undefined };
      })
      .then((carried) => this.#ended(carried));
  }

  #take(): readonly Waiting[] {
    const group = new Group<Waiting>(GROUP_OPS_MAX);
    const left: Waiting[] = [];
    const tooOld = this.options.timing.nowMs() - this.options.waitMaxMs;
    let looked = 0;
    for (; looked < this.#queue.length && !group.full && left.length < GROUP_OPS_MAX; looked++) {
      const waiting = this.#queue[looked]!;
      if (waiting.cameAtMs < tooOld) waiting.reject(unavailable('it answers too slowly'));
      else if (!group.add(waiting)) left.push(waiting);
    }
    this.#keep([...left, ...this.#queue.slice(looked)]);
    return group.callers;
  }

  #keep(queue: Waiting[]): void {
    this.#queue = queue;
    this.#queuedOps = queue.reduce((sum, { ownOps }) => sum + ownOps, 0);
  }

  /** What a full group of callers does with its answers takes as long as Consul with the next: that goes first. */
  #ended({ postponed, fenced, answer }: Carried): void {
    this.#state = 'idle';
    this.#keep([...(postponed as readonly Waiting[]), ...this.#queue]);
    if (fenced) this.#fence();
    if (this.#queuedOps >= GROUP_OPS_MAX) {
      this.#send();
      this.options.timing.soon(answer);
      return;
    }
    answer();
    if (this.#queue.length > 0) return this.#call();
    for (const resolve of this.#whenIdle.splice(0)) resolve();
  }

  #fence(): void {
    this.#refusing = 'this process may no longer write';
    for (const waiting of this.#queue) waiting.reject(unavailable(this.#refusing));
    this.#keep([]);
    this.options.onFenced();
  }
}
