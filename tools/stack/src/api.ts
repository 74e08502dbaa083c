import { StackError } from './errors.js';

const deadlineMs = 40_000;

/** The API refused, or could not do, what it was asked. */
export class ApiRefusal extends StackError {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** One request to the API, as any client would make it. Answers are read as JSON; an error answer throws its text. */
export class ApiClient {
  constructor(
    private readonly base: string,
    private readonly token: string,
  ) {}

  async ask<T>(method: string, path: string, body?: unknown): Promise<T> {
    const answer = await fetch(`${this.base}${path}`, {
      method,
      headers: { authorization: `Bearer ${this.token}`, 'content-type': 'application/json' },
      signal: AbortSignal.timeout(deadlineMs),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok)
      throw new ApiRefusal(
        answer.status,
        `${method} ${path} answered ${answer.status}: ${text.slice(0, 500)}`,
      );
    return (text === '' ? undefined : JSON.parse(text)) as T;
  }
}
