import { RejectedError, TransientError } from '@plumbline/domain';
import type { BootGuard } from './boot-guard.js';
import { foldAll, KnownValues, writeOf, type Folding } from './folds.js';
import type { KvEntry, KvOp, TransactionOutcome } from './kv.js';
import { answerAfterwards } from './landed.js';
import { answerOf, failedOf, merge, type FoldedWrite, type MergedTransaction, type Sized } from './merge.js';
import { halted, outcomeUnknown, unavailable } from './refusals.js';
import { readKeys, type KvTransport, type OpResult } from './transport.js';

/**
 * Carries one group of callers to its end: every one of them gets an answer that is true.
 *
 * Each transaction checks this process's boot and the halt, so nothing written late by a process that was fenced lands.
 * A conflict names every operation that failed: those callers are told, the others go again together. An answer that was
 * lost is uncertain for all: the own boot key is moved on, after which nothing older can land, and then each caller's
 * proof tells whether it had.
 */
export interface Caller extends Sized, Folding {
  /** How often its folds met a value that had changed meanwhile. */
  foldTries: number;
  /** It was sent, its answer was lost, and it had not landed. */
  sentAgain: boolean;
  resolve(outcome: TransactionOutcome): void;
  reject(error: unknown): void;
}

export interface MergedCommitOptions {
  readonly transport: KvTransport;
  readonly guard: BootGuard;
  readonly haltKey: string;
  /** A write was refused because there is a halt. */
  readonly onHalted: () => void;
}

/** The guards stand first in every merged transaction. */
export const GUARDS = 2;
const BOOT_AT = 0;
const HALT_AT = 1;

const FOLD_TRIES_MAX = 8;
const BOOT_READS_MAX = 8;
/** Each round answers a caller, or counts a try above; this is only the backstop. */
const ROUNDS_MAX = 100;
const KNOWN_VALUES_MAX = 10_000;
const FOLD_READS_MAX = 3;

export class MergedCommit {
  readonly #known = new KnownValues(KNOWN_VALUES_MAX);
  #sent = 0;

  constructor(private readonly options: MergedCommitOptions) {}

  /** The number of the last request sent: what is known from a later one is not older than now. */
  get sent(): number {
    return this.#sent;
  }

  /** Answers every caller but those that it gives back, which must be in another group, and those that `answer` is for. */
  async carry(callers: readonly Caller[]): Promise<Carried> {
    const postponed: Caller[] = [];
    const round: Round = { bootReads: 0, fenced: false, answer: () => undefined };
    let rest = callers;
    for (let rounds = 0; rest.length > 0 && rounds < ROUNDS_MAX; rounds++) {
      const folded = await this.#fold(rest);
      postponed.push(...folded.postponed);
      rest = folded.accepted.length === 0 ? [] : await this.#send(folded.accepted, folded.writes, round);
    }
    if (rest.length > 0) refuseAll(rest, unavailable('too many change the same things'));
    return { postponed, fenced: round.fenced, answer: round.answer };
  }

  async #send(
    callers: readonly Caller[],
    writes: readonly FoldedWrite[],
    round: Round,
  ): Promise<readonly Caller[]> {
    const { transport, guard, haltKey } = this.options;
    const sentWith = guard.index;
    const guards: KvOp[] = [];
    guards[BOOT_AT] = { verb: 'check-index', key: guard.key, index: sentWith };
    guards[HALT_AT] = { verb: 'check-not-exists', key: haltKey };
    const merged = merge(guards, callers, writes);
    const asOf = ++this.#sent;
    const answer = await transport.transact(merged.ops).catch((error: unknown) => ({ error }));
    if ('error' in answer) {
      for (const { key } of merged.ops) this.#known.forget(key);
      if (!isDefinite(answer.error)) return this.#afterLostAnswer(callers, sentWith, answer.error, round);
      refuseAll(callers, unavailable('it cannot be reached', answer.error));
      return [];
    }
    const { results } = answer;
    if (results === undefined) return this.#afterConflict(callers, merged, new Set(answer.failed), round);
    this.#learn(merged, results, asOf);
    round.answer = () => {
      for (const caller of callers)
        caller.resolve({ committed: answerOf(merged.positions.get(caller)!, results) });
    };
    return [];
  }

  /** Those who go again. */
  async #afterConflict(
    callers: readonly Caller[],
    { positions, folds }: MergedTransaction<Caller>,
    failed: ReadonlySet<number>,
    round: Round,
  ): Promise<readonly Caller[]> {
    if (failed.has(HALT_AT)) {
      refuseAll(callers, halted());
      this.options.onHalted();
      return [];
    }
    const changed = new Set([...failed].flatMap((position) => folds.get(position) ?? []));
    for (const key of changed) this.#known.forget(key);
    const rest = callers.filter((caller) => {
      const conflict = failedOf(positions.get(caller)!, failed);
      if (conflict.length > 0) caller.resolve({ conflict });
      return conflict.length === 0 && !givesUp(caller, changed);
    });
    return failed.has(BOOT_AT) ? this.#afterBootMoved(rest, round) : rest;
  }

  async #afterBootMoved(callers: readonly Caller[], round: Round): Promise<readonly Caller[]> {
    const state = await this.#readBoot(round);
    if (state === 'alive') return callers;
    round.fenced ||= state === 'gone';
    refuseAll(callers, unavailable('this process may no longer write'));
    return [];
  }

  async #readBoot(round: Round): Promise<'alive' | 'gone' | 'unknown'> {
    if (round.bootReads++ >= BOOT_READS_MAX) return 'unknown';
    try {
      return await this.options.guard.refresh();
    } catch {
      return 'unknown'; // Nothing was written, and nothing will be: for the callers that is all there is to know.
    }
  }

  async #afterLostAnswer(
    callers: readonly Caller[],
    sentWith: number,
    cause: unknown,
    round: Round,
  ): Promise<readonly Caller[]> {
    try {
      const state = await this.options.guard.supersede(sentWith);
      round.fenced ||= state === 'gone';
      const proofs = await this.#read(callers.map(({ transaction }) => transaction.proof.key));
      const landed = callers.filter(({ transaction: { proof } }) =>
        proof.landed(proofs.get(proof.key) ?? null),
      );
      const lost = callers.filter((caller) => !landed.includes(caller));
      await this.#answerAfterwards(landed, cause);
      const again = lost.filter((caller) => state === 'superseded' && !caller.sentAgain);
      refuseAll(
        lost.filter((caller) => !again.includes(caller)),
        unavailable('it did not answer', cause),
      );
      for (const caller of again) caller.sentAgain = true;
      return again;
    } catch (error) {
      refuseAll(callers, outcomeUnknown(error)); // To those already answered this says nothing.
      return [];
    }
  }

  async #answerAfterwards(callers: readonly Caller[], cause: unknown): Promise<void> {
    const entries = await this.#read(
      callers.flatMap(({ transaction }) => transaction.ops.map(({ key }) => key)),
    );
    for (const caller of callers) {
      const committed = answerAfterwards(caller.transaction.ops, entries);
      if (committed === null) caller.reject(outcomeUnknown(cause));
      else caller.resolve({ committed });
    }
  }

  async #read(keys: readonly string[]): Promise<ReadonlyMap<string, KvEntry | null>> {
    const distinct = [...new Set(keys)];
    if (distinct.length === 0) return new Map();
    this.#sent++;
    const entries = await readKeys(this.options.transport, distinct);
    return new Map(distinct.map((key, i) => [key, entries[i] ?? null]));
  }

  async #fold(callers: readonly Caller[]): Promise<FoldedGroup> {
    if (callers.every(({ folds }) => folds.length === 0))
      return { accepted: callers, postponed: [], writes: [] };
    try {
      for (let reads = 0; reads < FOLD_READS_MAX; reads++) {
        await this.#makeKnown(callers.flatMap(({ folds }) => folds.map(({ key }) => key)));
        const { accepted, refused, postponed, stale, values } = foldAll(callers, this.#known);
        for (const key of stale) this.#known.forget(key);
        if (stale.size > 0) continue;
        for (const { caller, error } of refused) caller.reject(error);
        const writes = [...values].map(([key, value]) => writeOf(key, value, this.#known.get(key)!));
        return { accepted, postponed, writes };
      }
    } catch (error) {
      refuseAll(callers, unavailable('it cannot be reached', error));
      return { accepted: [], postponed: [], writes: [] };
    }
    throw new Error('a value just read is older than who asked for it');
  }

  async #makeKnown(keys: readonly string[]): Promise<void> {
    const entries = await this.#read(keys.filter((key) => this.#known.get(key) === undefined));
    for (const [key, entry] of entries) this.#known.putEntry(key, entry, this.#sent);
  }

  /** What the own writes left behind: of folds the new value, of anything else nothing that is worth keeping. */
  #learn({ ops, folds }: MergedTransaction<Caller>, results: readonly OpResult[], asOf: number): void {
    ops.forEach((op, position) => {
      if (!folds.has(position)) {
        if (op.verb !== 'get' && op.verb !== 'check-index' && op.verb !== 'check-not-exists')
          this.#known.forget(op.key);
      } else if (op.verb === 'cas') {
        this.#known.put(op.key, { value: op.value, index: results[position]!.index, asOf });
      } else if (op.verb === 'delete-cas') {
        this.#known.put(op.key, { value: null, index: 0, asOf });
      } else {
        this.#known.put(op.key, { ...this.#known.get(op.key)!, asOf });
      }
    });
  }
}

/** How a group ended. Whoever has the next one ready sends that before it lets `answer` set all these callers to work. */
export interface Carried {
  readonly postponed: readonly Caller[];
  readonly fenced: boolean;
  readonly answer: () => void;
}

interface Round {
  bootReads: number;
  fenced: boolean;
  answer: () => void;
}

interface FoldedGroup {
  readonly accepted: readonly Caller[];
  readonly postponed: readonly Caller[];
  readonly writes: readonly FoldedWrite[];
}

/** Only a request that did not arrive, or was refused as such, is known to have had no effect. */
function isDefinite(error: unknown): boolean {
  return error instanceof TransientError || error instanceof RejectedError;
}

function givesUp(caller: Caller, changed: ReadonlySet<string>): boolean {
  if (!caller.folds.some(({ key }) => changed.has(key))) return false;
  caller.foldTries += 1;
  if (caller.foldTries < FOLD_TRIES_MAX) return false;
  caller.reject(unavailable('too many change the same things'));
  return true;
}

function refuseAll(callers: readonly Caller[], error: unknown): void {
  for (const caller of callers) caller.reject(error);
}
