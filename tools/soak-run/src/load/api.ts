import type { HistoryLine, RequestLine } from '@plumbline/soak-checker';
import { now } from '../clock.js';
import { within } from '../within.js';

/** A request as a client makes it. */
export interface Request {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly body?: unknown;
  readonly key?: string;
  readonly async?: boolean;
  /** The client is gone after this long, whatever it has heard. */
  readonly patienceMs?: number;
  /** Sent without a token, or with one that nobody has. */
  readonly stranger?: 'no token' | 'wrong token';
}

export type Answer = Pick<RequestLine, 'n' | 'end' | 'status' | 'answer'>;

export interface Sender {
  readonly client: string;
  readonly account: string | null;
  readonly token: string;
}

const PATIENCE_MS = 40_000;
const BODY_CHARACTERS_MAX = 4_000_000;

/** The product's HTTP edge, as clients see it. Each request becomes a line of the history when it has ended. */
export class Api {
  private count = 0;
  private readonly open = new Set<Promise<unknown>>();

  constructor(
    /** Where the next request goes: there may be several such processes. */
    private readonly base: () => string,
    private readonly write: (line: HistoryLine) => void,
  ) {}

  get sent(): number {
    return this.count;
  }

  get underWay(): number {
    return this.open.size;
  }

  async ask(sender: Sender, request: Request): Promise<Answer> {
    const asked = this.send(sender, request);
    this.open.add(asked);
    try {
      return await asked;
    } finally {
      this.open.delete(asked);
    }
  }

  private async send({ account, client, token }: Sender, request: Request): Promise<Answer> {
    const { method, path, body, key, async = false, stranger, patienceMs = PATIENCE_MS } = request;
    const n = (this.count += 1);
    const authorization = `Bearer ${stranger === 'wrong token' ? 'nobody-has-this' : token}`;
    const from = now();
    const headers = {
      ...(stranger === 'no token' ? {} : { authorization }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(key === undefined ? {} : { 'idempotency-key': key }),
      ...(async ? { prefer: 'respond-async' } : {}),
    };
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    const outcome = await within(patienceMs, (signal) =>
      fetch(`${this.base()}${path}`, { method, headers, signal, ...sent }).then(answeredWith, endedBy),
    ).catch(endedBy);
    this.write({
      line: 'request',
      n,
      client,
      account: stranger === undefined ? account : null,
      method,
      path,
      ...(body === undefined ? {} : { body }),
      ...(key === undefined ? {} : { key }),
      ...(async ? { async } : {}),
      from,
      to: now(),
      ...outcome,
    });
    return { n, ...outcome };
  }
}

type Outcome = Omit<Answer, 'n'>;

/** An answer that breaks off in its body tells its status, and no more. */
async function answeredWith(response: Response): Promise<Outcome> {
  const { status } = response;
  try {
    const text = (await response.text()).slice(0, BODY_CHARACTERS_MAX);
    return { end: 'answered', status, ...(text === '' ? {} : { answer: JSON.parse(text) as unknown }) };
  } catch (error) {
    return { ...endedBy(error), status };
  }
}

function endedBy(error: unknown): Outcome {
  if ((error as Error).name === 'TimeoutError') return { end: 'gave-up' };
  const cause = (error as { cause?: { code?: string } }).cause;
  return { end: cause?.code === 'ECONNREFUSED' ? 'refused' : 'broken' };
}
