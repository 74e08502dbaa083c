import { InvariantError, UncertainError } from '@plumbline/domain';
import type { KvEntry } from './kv.js';
import { unavailable } from './refusals.js';
import type { Timing } from './timing.js';
import { entryOf, OPS_MAX, type KvTransport } from './transport.js';

/**
 * Reads of many callers as one read-only transaction. A caller shares only a request that is sent after it came, so what
 * it is told was true at some instant of its own waiting; and all keys of one caller are in one request, so it sees them
 * as they stood together.
 */
export interface GroupReadOptions {
  readonly transport: KvTransport;
  readonly timing: Timing;
  readonly inFlightMax: number;
  readonly waitMaxMs: number;
  readonly waitersMax: number;
}

type Trees = ReadonlyMap<string, readonly KvEntry[]>;

interface Reader {
  readonly prefixes: readonly string[];
  readonly cameAtMs: number;
  resolve(trees: Trees): void;
  reject(error: unknown): void;
}

export class GroupRead {
  #queue: Reader[] = [];
  #inFlight = 0;
  #called = false;

  constructor(private readonly options: GroupReadOptions) {}

  async read(keys: readonly string[]): Promise<readonly (KvEntry | null)[]> {
    const trees = await this.#ask(keys);
    return keys.map((key) => entryOf(trees.get(key), key));
  }

  async readTrees(prefixes: readonly string[]): Promise<readonly (readonly KvEntry[])[]> {
    const trees = await this.#ask(prefixes);
    return prefixes.map((prefix) => trees.get(prefix) ?? []);
  }

  #ask(prefixes: readonly string[]): Promise<Trees> {
    if (prefixes.length > OPS_MAX) {
      throw new InvariantError('reading more keys than fit one transaction', { reason: 'read-too-large' });
    }
    if (this.#queue.length >= this.options.waitersMax) throw unavailable('too many reads are waiting');
    if (prefixes.length === 0) return Promise.resolve(new Map());
    return new Promise((resolve, reject) => {
      this.#queue.push({ prefixes, cameAtMs: this.options.timing.nowMs(), resolve, reject });
      this.#call();
    });
  }

  #call(): void {
    if (this.#called || this.#inFlight >= this.options.inFlightMax || this.#queue.length === 0) return;
    this.#called = true;
    this.options.timing.soon(() => {
      this.#called = false;
      void this.#send();
    });
  }

  async #send(): Promise<void> {
    this.#inFlight += 1;
    const { readers, prefixes } = this.#take();
    this.#call();
    try {
      const trees = await this.#readTwice(prefixes);
      const byPrefix = new Map(prefixes.map((prefix, i) => [prefix, trees[i] ?? []]));
      for (const reader of readers) reader.resolve(byPrefix);
    } catch (error) {
      for (const reader of readers) reader.reject(unavailable('it cannot be read', error));
    } finally {
      this.#inFlight -= 1;
      this.#call();
    }
  }

  /** A kept connection may have been closed from the other side just now; asking again costs nothing but a round trip. */
  async #readTwice(prefixes: readonly string[]): Promise<readonly (readonly KvEntry[])[]> {
    if (prefixes.length === 0) return [];
    try {
      return await this.options.transport.readTrees(prefixes);
    } catch (error) {
      if (!(error instanceof UncertainError) || error.reason !== 'consul-reset') throw error;
      return this.options.transport.readTrees(prefixes);
    }
  }

  /** From the front of the queue, as many readers as have at most `OPS_MAX` different keys. */
  #take(): { readers: readonly Reader[]; prefixes: readonly string[] } {
    const prefixes = new Set<string>();
    const readers: Reader[] = [];
    const tooOld = this.options.timing.nowMs() - this.options.waitMaxMs;
    let looked = 0;
    for (; looked < this.#queue.length; looked++) {
      const reader = this.#queue[looked]!;
      if (reader.cameAtMs < tooOld) {
        reader.reject(unavailable('it answers too slowly'));
        continue;
      }
      const added = reader.prefixes.reduce((sum, prefix) => sum + (prefixes.has(prefix) ? 0 : 1), 0);
      if (prefixes.size + added > OPS_MAX) break;
      for (const prefix of reader.prefixes) prefixes.add(prefix);
      readers.push(reader);
    }
    this.#queue = this.#queue.slice(looked);
    return { readers, prefixes: [...prefixes] };
  }
}
