import type { BootRecord } from '@plumbline/domain';
import { readKeys, type KvTransport } from './transport.js';
import type { Timing } from './timing.js';

/** How often a supersession is tried while Consul answers errors, and how long between. */
const SUPERSEDE_TRIES_MAX = 4;
const SUPERSEDE_PAUSE_MS = 100;

export interface BootGuardOptions {
  readonly transport: KvTransport;
  readonly timing: Timing;
  readonly key: string;
  readonly record: BootRecord;
  readonly index: number;
  readonly newNonce: () => string;
  /** No further try begins later than this after the first. */
  readonly deadlineMs: number;
}

/**
 * This process's own boot key. Every write of the process checks the key's index, so moving that index is how a process
 * makes sure that nothing it sent before can land any more; a fence by others works the same way. The move needs a new
 * value, because Consul leaves the index of a value that is rewritten unchanged, and `cas`, because a plain write would
 * revive a key that a fence has deleted.
 */
export class BootGuard {
  readonly key: string;
  #record: BootRecord;
  #index: number;
  readonly #options: BootGuardOptions;

  constructor(options: BootGuardOptions) {
    this.key = options.key;
    this.#record = options.record;
    this.#index = options.index;
    this.#options = options;
  }

  get index(): number {
    return this.#index;
  }

  get record(): BootRecord {
    return this.#record;
  }

  /** Reads the key anew. Gone: it is missing, or somebody is fencing it; nothing of this process can land any more. */
  async refresh(): Promise<'alive' | 'gone'> {
    return (await this.#read()) === null ? 'gone' : 'alive';
  }

  async #read(): Promise<number | null> {
    const [entry] = await readKeys(this.#options.transport, [this.key]);
    if (entry === null || entry === undefined) return null;
    const record = JSON.parse(entry.value) as BootRecord;
    if (record.state !== 'alive') return null;
    this.#record = record;
    this.#index = entry.index;
    return entry.index;
  }

  /**
   * When this resolves, nothing sent with that index can land any more.
   * @throws TransientError, UncertainError: it still may.
   */
  async supersede(index: number): Promise<'superseded' | 'gone'> {
    const { timing, deadlineMs, newNonce } = this.#options;
    const began = timing.nowMs();
    let failure: unknown;
    for (let tries = 0; tries < SUPERSEDE_TRIES_MAX && timing.nowMs() - began < deadlineMs; tries++) {
      try {
        if (tries > 0) {
          await pause(timing, SUPERSEDE_PAUSE_MS * tries);
          const found = await this.#read(); // The write whose answer was lost may have landed.
          if (found === null) return 'gone';
          if (found !== index) return 'superseded';
        }
        if (await this.#write({ nonce: newNonce() })) return 'superseded';
      } catch (error) {
        failure = error;
      }
    }
    if (failure instanceof Error) throw failure;
    throw new Error('the own boot key changes faster than it can be written');
  }

  /** @throws TransientError, UncertainError */
  async noteAddress(address: string): Promise<'noted' | 'gone'> {
    const { newNonce } = this.#options;
    for (let tries = 0; tries < SUPERSEDE_TRIES_MAX; tries++) {
      if (this.#record.address === address) return 'noted';
      if (await this.#write({ address, nonce: newNonce() })) return 'noted';
      if ((await this.refresh()) === 'gone') return 'gone';
    }
    throw new Error('the own boot key changes faster than it can be written');
  }

  async #write(change: Partial<BootRecord>): Promise<boolean> {
    const record = { ...this.#record, ...change };
    const value = JSON.stringify(record);
    const { results } = await this.#options.transport.transact([
      { verb: 'cas', key: this.key, value, index: this.#index },
    ]);
    const index = results?.[0]?.index;
    if (index === undefined) return false;
    this.#record = record;
    this.#index = index;
    return true;
  }
}

function pause(timing: Timing, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    timing.after(delayMs, resolve);
  });
}
