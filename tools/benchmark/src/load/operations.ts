import { setTimeout as sleep } from 'node:timers/promises';
import type { Answer, LoadConnection, Request } from './connection.js';

/** What the load process may be asked to do over and over. */
export type Operation =
  | {
      readonly kind: 'create';
      readonly region: string;
      readonly name: string;
      readonly respondAsync: boolean;
    }
  | { readonly kind: 'get'; readonly ids: readonly string[] }
  | { readonly kind: 'list'; readonly perPage: number }
  | { readonly kind: 'resize'; readonly ids: readonly string[]; readonly fromGib: number }
  | { readonly kind: 'record-growth'; readonly ids: readonly string[]; readonly fromGib: number }
  | { readonly kind: 'delete'; readonly ids: readonly string[] }
  | { readonly kind: 'transaction'; readonly prefix: string }
  | { readonly kind: 'read'; readonly prefix: string };

/** Asks once, as the nth; null when the answer was what had to come. */
export type Ask = (connection: LoadConnection, n: number) => Promise<string | null>;

export interface Asking {
  readonly ask: Ask;
  /** Ids of the volumes that were made. */
  readonly made: readonly string[];
}

/** About what a lane holds. */
const transactionValue = 'x'.repeat(600);
/** The API answers a resize when it is recorded. Asking more often would load what is measured. */
const actionEveryMs = 20;
const actionAsksMax = 1_000;
/** Consul's floor writes and reads so many keys. */
export const rewrittenKeys = 512;

export function askingOf(operation: Operation): Asking {
  const made: string[] = [];
  switch (operation.kind) {
    case 'create':
      return { made, ask: creating(operation, made) };
    case 'get':
      return { made, ask: expecting(200, (n) => get(`/v2/volumes/${pick(operation.ids, n)}`)) };
    case 'list':
      return { made, ask: expecting(200, () => get(`/v2/volumes?per_page=${operation.perPage}`)) };
    case 'resize':
      return { made, ask: growing(operation) };
    case 'record-growth':
      return { made, ask: expecting(202, (n) => growth(operation, n)) };
    case 'delete':
      return {
        made,
        ask: expecting(204, (n) => ({ method: 'DELETE', path: `/v2/volumes/${pick(operation.ids, n)}` })),
      };
    case 'transaction':
      return { made, ask: expecting(200, (n) => transaction(operation.prefix, n)) };
    case 'read':
      return { made, ask: expecting(200, (n) => read(operation.prefix, n)) };
  }
}

function get(path: string): Request {
  return { method: 'GET', path, wantsBody: false };
}

function pick(ids: readonly string[], n: number): string {
  return ids[n % ids.length] ?? '';
}

function expecting(status: number, requestOf: (n: number) => Request): Ask {
  return async (connection, n) => failureOf(await connection.ask(requestOf(n)), status);
}

function failureOf({ status, body }: Answer, expected: number): string | null {
  return status === expected ? null : `${status} ${body.slice(0, 120)}`.trim();
}

function creating({ region, name, respondAsync }: Operation & { kind: 'create' }, made: string[]): Ask {
  const path = '/v2/volumes';
  return async (connection, n) => {
    const body = JSON.stringify({ name: `${name}-${n}`, size_gigabytes: 1, region });
    const prefer = respondAsync ? { prefer: 'respond-async' } : {};
    const answer = await connection.ask({ method: 'POST', path, body, headers: prefer });
    const failure = failureOf(answer, respondAsync ? 202 : 201);
    if (failure !== null) return failure;
    const read = JSON.parse(answer.body) as { volume?: { id: string }; links?: { volume: { id: string } } };
    made.push(read.volume?.id ?? read.links?.volume.id ?? '');
    return null;
  };
}

/** Each volume grows by one GiB every time its turn comes round. */
function growth({ ids, fromGib }: { ids: readonly string[]; fromGib: number }, n: number): Request {
  const path = `/v2/volumes/${pick(ids, n)}/actions`;
  const sizeGib = fromGib + 1 + Math.floor(n / ids.length);
  return { method: 'POST', path, body: JSON.stringify({ type: 'resize', size_gigabytes: sizeGib }) };
}

function growing(operation: Operation & { kind: 'resize' }): Ask {
  return async (connection, n) => {
    const answer = await connection.ask(growth(operation, n));
    const failure = failureOf(answer, 202);
    if (failure !== null) return failure;
    const { action } = JSON.parse(answer.body) as { action: { id: number } };
    for (let asks = 0; asks < actionAsksMax; asks++) {
      await sleep(actionEveryMs);
      const { body: text } = await connection.ask({ method: 'GET', path: `/v2/actions/${action.id}` });
      const { status } = (JSON.parse(text) as { action: { status: string } }).action;
      if (status !== 'in-progress') return status === 'completed' ? null : `action ${status}`;
    }
    return 'action without end';
  };
}

/**
 * Three writes together, as an admission, an attempt and a commit are. The same keys are written again and again: ever
 * new ones would fill Consul, and slow down whatever is measured next.
 */
function transaction(prefix: string, n: number): Request {
  const at = n % rewrittenKeys;
  const set = (key: string) => {
    const value = Buffer.from(`${n} ${transactionValue}`).toString('base64');
    return { KV: { Verb: 'set', Key: `${prefix}/${key}/${at}`, Value: value } };
  };
  return { method: 'PUT', path: '/v1/txn', body: JSON.stringify(['a', 'b', 'c'].map(set)), wantsBody: false };
}

/** One of the keys that transactions write again and again. */
function read(prefix: string, n: number): Request {
  return get(`/v1/kv/${prefix}/a/${n % rewrittenKeys}?consistent`);
}
