import { EventEmitter } from 'node:events';
import { Agent, type IncomingMessage } from 'node:http';
import Consul from 'consul';
import { RejectedError, TransientError, UncertainError } from '@plumbline/domain';
import type { KvEntry, KvOp } from './kv.js';
import type { KvTransport, OpResult, TransactAnswer } from './transport.js';

/**
 * The `consul` package over one keep-alive agent. Measured beside bare `node:http` it costs 0.05 ms of CPU more a
 * request, which a merged request shares among its callers. Its gaps, worked around here: it has no cap on sockets
 * (hence the agent), ignores abort signals (hence `timeout`), declares wrong types for transactions, and hands out
 * headers only to a `ctx` that asks for the response.
 */
export interface ConsulTransportOptions {
  /** `http://127.0.0.1:8500`. An IP address: a name would be looked up on the thread pool, which hung calls can fill. */
  readonly consulAddr: string;
  readonly deadlineMs: number;
  readonly socketsMax: number;
}

interface WireEntry {
  readonly Key: string;
  readonly Value: string | null;
  readonly ModifyIndex: number;
}

interface WireAnswer {
  readonly Results: readonly { readonly KV: WireEntry }[] | null;
  readonly Errors: readonly { readonly OpIndex: number }[] | null;
}

type WireOp = { readonly KV: { Verb: string; Key: string; Value?: string; Index?: number } };

/** The package as it is, where its declarations are wrong or silent. */
interface ConsulClient {
  readonly transaction: {
    create(ops: readonly WireOp[], options: object): Promise<readonly [IncomingMessage, WireAnswer]>;
  };
  readonly kv: { keys(options: object): Promise<readonly string[] | undefined> };
}

export class ConsulTransport implements KvTransport {
  readonly #agent: Agent;
  readonly #client: ConsulClient;
  readonly #options: object;
  readonly #responding = Object.assign(new EventEmitter(), { includeResponse: true });

  constructor({ consulAddr, deadlineMs, socketsMax }: ConsulTransportOptions) {
    const { hostname, port } = new URL(consulAddr);
    this.#agent = new Agent({ keepAlive: true, maxSockets: socketsMax });
    this.#client = new Consul({
      host: hostname,
      port: Number(port),
      agent: this.#agent,
    }) as unknown as ConsulClient; // Its declarations leave out the operations' `KV` and the answers' shape.
    // Consistent: the leader makes sure that it still is one, so that no reader goes back in time.
    this.#options = { consistent: true, timeout: deadlineMs };
    this.#responding.setMaxListeners(0); // Each request listens for a cancellation until it ends.
  }

  async transact(ops: readonly KvOp[]): Promise<TransactAnswer> {
    try {
      const [response, answer] = await this.#create(ops.map(wireOf));
      return { results: resultsOf(ops, answer.Results ?? []), dateMs: dateOf(response) };
    } catch (error) {
      const conflict = conflictOf(error);
      if (conflict === null) throw classified(error, 'a transaction');
      return { failed: conflict.failed, dateMs: dateOf(conflict.response) };
    }
  }

  async readTrees(prefixes: readonly string[]): Promise<readonly (readonly KvEntry[])[]> {
    try {
      const [, answer] = await this.#create(
        prefixes.map((prefix) => ({ KV: { Verb: 'get-tree', Key: prefix } })),
      );
      return treesOf(prefixes, answer.Results ?? []);
    } catch (error) {
      throw classified(error, 'a read');
    }
  }

  keys(prefix: string): Promise<readonly string[]> {
    return this.#keys({ key: prefix });
  }

  async folders(prefix: string): Promise<readonly string[]> {
    const below = await this.#keys({ key: prefix, separator: '/' });
    return below.filter((path) => path.endsWith('/'));
  }

  close(): void {
    this.#agent.destroy();
  }

  async #keys(under: object): Promise<readonly string[]> {
    try {
      return (await this.#client.kv.keys({ ...this.#options, ...under })) ?? [];
    } catch (error) {
      if (statusOf(error) === 404) return []; // No such key: an empty listing.
      throw classified(error, 'a listing of keys');
    }
  }

  #create(ops: readonly WireOp[]): Promise<readonly [IncomingMessage, WireAnswer]> {
    return this.#client.transaction.create(ops, { ...this.#options, ctx: this.#responding });
  }
}

function wireOf(op: KvOp): WireOp {
  return {
    KV: {
      Verb: op.verb,
      Key: op.key,
      ...('value' in op ? { Value: Buffer.from(op.value).toString('base64') } : {}),
      ...('index' in op ? { Index: op.index } : {}),
    },
  };
}

/** Deletes and `check-not-exists` have no result of their own: the others' follow one another. */
const ANSWERED: ReadonlySet<KvOp['verb']> = new Set(['set', 'cas', 'check-index', 'get'] as const);

function resultsOf(
  ops: readonly KvOp[],
  results: readonly { readonly KV: WireEntry }[],
): readonly OpResult[] {
  let next = 0;
  return ops.map((op) => {
    if (!ANSWERED.has(op.verb)) return { index: 0 };
    const entry = results[next++]?.KV;
    if (entry === undefined || entry.Key !== op.key) {
      throw new TypeError('the answer to a transaction does not match its operations');
    }
    return op.verb === 'get'
      ? { index: entry.ModifyIndex, value: decoded(entry.Value) }
      : { index: entry.ModifyIndex };
  });
}

/**
 * The answers to several trees come as one list. Each tree is ascending, and a key that belongs to an earlier prefix
 * too has already been in that prefix's tree, so a step back or a foreign key is where the next one begins.
 */
function treesOf(
  prefixes: readonly string[],
  results: readonly { readonly KV: WireEntry }[],
): readonly (readonly KvEntry[])[] {
  let next = 0;
  return prefixes.map((prefix) => {
    const tree: KvEntry[] = [];
    let last = '';
    for (; next < results.length; next++) {
      const { Key, Value, ModifyIndex } = results[next]!.KV;
      if (Key <= last || !Key.startsWith(prefix)) break;
      tree.push({ key: Key, value: decoded(Value), index: ModifyIndex });
      last = Key;
    }
    return tree;
  });
}

function decoded(value: string | null): string {
  return value === null ? '' : Buffer.from(value, 'base64').toString();
}

function dateOf(response: IncomingMessage): number | null {
  const dateMs = Date.parse(response.headers.date ?? '');
  return Number.isNaN(dateMs) ? null : dateMs;
}

interface ResponseError {
  readonly statusCode: number;
  readonly response: IncomingMessage & { readonly body?: unknown };
}

function statusOf(error: unknown): number | null {
  const status = (error as Partial<ResponseError> | null)?.statusCode;
  return typeof status === 'number' ? status : null;
}

function conflictOf(error: unknown): { failed: readonly number[]; response: IncomingMessage } | null {
  if (statusOf(error) !== 409) return null;
  const { response } = error as ResponseError;
  const errors = (response.body as Partial<WireAnswer> | undefined)?.Errors ?? [];
  if (errors.length === 0) return null;
  return { failed: errors.map(({ OpIndex }) => OpIndex), response };
}

/** The one table of what Consul's failures mean. Never by message; what is not in it may have happened. */
function classified(error: unknown, what: string): Error {
  const message = `asking Consul for ${what}`;
  const status = statusOf(error);
  if (status !== null) return byStatus(status, message, new Error((error as Error).message)); // Not the answer's body.
  const { syscall, isTimeout, code } = error as { syscall?: string; isTimeout?: boolean; code?: string };
  // No connection, so no request: whatever the reason was, nothing was sent.
  if (syscall === 'connect') return new TransientError(message, { reason: 'consul-refused', cause: error });
  const lost = code === undefined ? 'consul-answer' : 'consul-reset';
  const reason = isTimeout === true ? 'consul-timeout' : lost;
  return new UncertainError(message, { reason, cause: error });
}

function byStatus(status: number, message: string, cause: Error): Error {
  const options = { reason: `consul-${status}`, cause };
  if (status === 429) return new TransientError(message, options);
  // A conflict always names an operation: one that does not is an answer we do not understand.
  if (status >= 400 && status < 500 && status !== 409) return new RejectedError(message, options);
  return new UncertainError(message, options);
}
