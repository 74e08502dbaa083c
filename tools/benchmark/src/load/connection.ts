import { Client } from 'undici';

export interface Answer {
  readonly status: number;
  readonly body: string;
}

export interface Request {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** False: the body is only counted, as a client does that the benchmark is not meant to measure. */
  readonly wantsBody?: boolean;
}

const answerMs = 60_000;

/** One keep-alive connection, one request at a time: by dispatching itself the client costs the least. */
export class LoadConnection {
  private readonly client: Client;
  private readonly headers: Record<string, string>;

  constructor(base: string, headers: Readonly<Record<string, string>>) {
    this.client = new Client(base, { pipelining: 1, headersTimeout: answerMs, bodyTimeout: answerMs });
    this.headers = { ...headers };
  }

  ask({ method, path, body, headers: more, wantsBody = true }: Request): Promise<Answer> {
    const type = body === undefined ? {} : { 'content-type': 'application/json' };
    const headers = { ...this.headers, ...type, ...more };
    return new Promise((resolve, reject) => {
      let status = 0;
      const parts: Buffer[] = [];
      this.client.dispatch(
        { method, path, headers, body: body ?? null },
        {
          onRequestStart: () => undefined,
          onResponseStart: (_controller, code) => void (status = code),
          onResponseData: (_controller, part) => void (wantsBody && parts.push(part)),
          onResponseEnd: () => resolve({ status, body: Buffer.concat(parts).toString() }),
          onResponseError: (_controller, error) => reject(error),
        },
      );
    });
  }

  close(): Promise<void> {
    return this.client.close();
  }
}
