import { RejectedError, TransientError, UncertainError } from '@plumbline/domain';
import { OPS_MAX, type KvEntry, type KvOp, type KvTransport, type TransactAnswer } from '@plumbline/registry';
import { FakeStore } from './fake-store.js';

/** Consul's bound on a request, which counts values in base64. */
const REQUEST_BYTES_MAX = 512 * 1024;

export type FakeRequest =
  | { readonly what: 'transact'; readonly ops: readonly KvOp[] }
  | { readonly what: 'read'; readonly prefixes: readonly string[] }
  | { readonly what: 'keys' | 'folders'; readonly prefix: string };

/**
 * What befalls a request. `lands-late`: its client gives up, and it lands when the test says so; `dropped`: its client
 * gives up, and it never lands; `answer-lost`: it lands, and the connection breaks; `failed`: an answer of 500 that says
 * nothing about whether it landed.
 */
export type Fate = 'served' | 'refused' | 'dropped' | 'lands-late' | 'answer-lost' | 'failed';

export interface FakeManners {
  /** Asked when a request arrives; what it waits for holds the request up before it lands. */
  readonly fate?: (request: FakeRequest) => Fate | Promise<Fate>;
  /** Waited for when a request has landed, before it is answered. */
  readonly answering?: (request: FakeRequest) => void | Promise<void>;
}

/**
 * A Consul in memory with the manners of the real one, bad ones included. It has no timers of its own: what is late
 * lands when it is told to. Any number of processes share it, each over a transport with manners of its own.
 */
export class FakeConsul {
  readonly store = new FakeStore();
  /** What its answers say in their `Date` header; null: nothing. */
  dateMs: number | null = null;
  #late: (() => void)[] = [];

  transport(manners: FakeManners = {}): KvTransport {
    return new FakeTransport(this, manners);
  }

  /** How many writes are still under way although their clients have given up. */
  get lateCount(): number {
    return this.#late.length;
  }

  holdLate(land: () => void): void {
    this.#late.push(land);
  }

  /** Lands the oldest of the late writes, or all. */
  landLate(count = this.#late.length): void {
    for (const land of this.#late.splice(0, count)) land();
  }
}

class FakeTransport implements KvTransport {
  constructor(
    private readonly consul: FakeConsul,
    private readonly manners: FakeManners,
  ) {}

  async transact(ops: readonly KvOp[]): Promise<TransactAnswer> {
    refuseTooLarge(ops);
    const result = await this.#serve({ what: 'transact', ops }, () => this.consul.store.transact(ops));
    const { dateMs } = this.consul;
    return 'failed' in result ? { failed: result.failed, dateMs } : { results: result.results, dateMs };
  }

  async readTrees(prefixes: readonly string[]): Promise<readonly (readonly KvEntry[])[]> {
    if (prefixes.length > OPS_MAX) throw tooLarge();
    return this.#serve({ what: 'read', prefixes }, () =>
      prefixes.map((prefix) => this.consul.store.tree(prefix)),
    );
  }

  async keys(prefix: string): Promise<readonly string[]> {
    return this.#serve({ what: 'keys', prefix }, () => this.consul.store.keys(prefix));
  }

  async folders(prefix: string): Promise<readonly string[]> {
    return this.#serve({ what: 'folders', prefix }, () => this.consul.store.folders(prefix));
  }

  close(): void {}

  async #serve<Answer>(request: FakeRequest, land: () => Answer): Promise<Answer> {
    const fate = await this.manners.fate?.(request);
    switch (fate ?? 'served') {
      case 'refused':
        throw new TransientError('asking the fake Consul', { reason: 'consul-refused' });
      case 'dropped':
        throw uncertain('consul-timeout');
      case 'lands-late':
        this.consul.holdLate(land);
        throw uncertain('consul-timeout');
      case 'answer-lost':
        land();
        throw uncertain('consul-reset');
      case 'failed':
        throw uncertain('consul-500');
      case 'served': {
        const answer = land();
        await this.manners.answering?.(request);
        return answer;
      }
    }
  }
}

function uncertain(reason: string): UncertainError {
  return new UncertainError('asking the fake Consul', { reason });
}

function tooLarge(): RejectedError {
  return new RejectedError('asking the fake Consul', { reason: 'consul-413' });
}

function refuseTooLarge(ops: readonly KvOp[]): void {
  if (ops.length > OPS_MAX) throw tooLarge();
  let bytes = 0;
  for (const op of ops)
    bytes += op.key.length + ('value' in op ? Math.ceil(Buffer.byteLength(op.value) / 3) * 4 : 0);
  if (bytes > REQUEST_BYTES_MAX) throw tooLarge();
}
