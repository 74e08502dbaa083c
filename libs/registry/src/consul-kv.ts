import type { BootGuard } from './boot-guard.js';
import { GroupCommit } from './group-commit.js';
import { GroupRead } from './group-read.js';
import type { Kv, KvEntry, Transaction, TransactionOutcome } from './kv.js';
import { unavailable } from './refusals.js';
import type { Timing } from './timing.js';
import type { KvTransport } from './transport.js';

export interface ConsulKvLimits {
  /** How long several waiting writes wait for more; a lone one never does. */
  readonly lingerMs: number;
  /** Who has waited so long without being sent is refused. */
  readonly waitMaxMs: number;
  readonly readsInFlightMax: number;
  readonly waitersMax: number;
}

export const CONSUL_KV_LIMITS: ConsulKvLimits = {
  lingerMs: 8,
  waitMaxMs: 5_000,
  readsInFlightMax: 4,
  waitersMax: 10_000,
};

export interface ConsulKvOptions {
  readonly transport: KvTransport;
  readonly timing: Timing;
  readonly guard: BootGuard;
  readonly haltKey: string;
  readonly limits: ConsulKvLimits;
  /** This process may never write again: it must exit. */
  readonly onFenced: () => void;
  /** A write was refused because there is a halt. */
  readonly onHalted: () => void;
}

/** The registry's keys and values over Consul, with writes and reads of many callers merged. */
export class ConsulKv implements Kv {
  readonly #writes: GroupCommit;
  readonly #reads: GroupRead;

  constructor(private readonly options: ConsulKvOptions) {
    const { transport, timing, guard, haltKey, limits, onFenced, onHalted } = options;
    this.#writes = new GroupCommit({ transport, timing, guard, haltKey, onFenced, onHalted, ...limits });
    this.#reads = new GroupRead({ transport, timing, inFlightMax: limits.readsInFlightMax, ...limits });
  }

  transact(transaction: Transaction): Promise<TransactionOutcome> {
    return this.#writes.transact(transaction);
  }

  read(keys: readonly string[]): Promise<readonly (KvEntry | null)[]> {
    return this.#reads.read(keys);
  }

  readTrees(prefixes: readonly string[]): Promise<readonly (readonly KvEntry[])[]> {
    return this.#reads.readTrees(prefixes);
  }

  keys(prefix: string): Promise<readonly string[]> {
    return listed(this.options.transport.keys(prefix));
  }

  folders(prefix: string): Promise<readonly string[]> {
    return listed(this.options.transport.folders(prefix));
  }

  /** Resolves when every write that came has its answer; later ones are refused. */
  close(): Promise<void> {
    return this.#writes.close();
  }
}

async function listed(answer: Promise<readonly string[]>): Promise<readonly string[]> {
  try {
    return await answer;
  } catch (error) {
    throw unavailable('it cannot be listed', error);
  }
}
