import type { PostgresCursor, PostgresPool, PostgresPoolClient, PostgresQueryResult } from 'kysely';
import { DatabaseError, Pool } from 'pg';
import type { PoolClient } from 'pg';
import { InvariantError, UncertainError } from '@plumbline/domain';
import { failureOfStatement, failureToConnect } from './errors.js';

export interface BillingDeadlines {
  readonly connectMs: number;
  /** Of one statement, kept by the server. */
  readonly statementMs: number;
}

/** The server ends a slow statement itself; only when it does not answer at all are we left to it. */
const ANSWER_MARGIN_MS = 1_000;

/**
 * Connections whose every call has a deadline on both sides, and whose errors are classified. A connection is thrown away
 * after anything that was not a plain answer of the server: an answer that comes late must not meet the next question.
 */
export class BoundedPool implements PostgresPool {
  readonly #pool: Pool;
  readonly #answerMs: number;

  constructor(options: { url: string; schema: string; poolSize: number; deadlines: BillingDeadlines }) {
    const { url, schema, poolSize, deadlines } = options;
    // The parser's own complaint would carry the password.
    if (!/^postgres(ql)?:\/\//.test(url) || !URL.canParse(url))
      throw new TypeError('the address of PostgreSQL must be a URL');
    this.#answerMs = deadlines.statementMs + ANSWER_MARGIN_MS;
    this.#pool = new Pool({
      connectionString: url,
      max: poolSize,
      application_name: 'plumbline',
      options: `-c search_path=${schema}`,
      connectionTimeoutMillis: deadlines.connectMs,
      statement_timeout: deadlines.statementMs,
      idle_in_transaction_session_timeout: deadlines.statementMs,
      keepAlive: true,
    });
    // A connection that breaks while idle is replaced at its next use; without a listener the event would end the process.
    this.#pool.on('error', () => undefined);
    this.#pool.on('connect', (client) => client.on('error', () => undefined));
  }

  async connect(): Promise<PostgresPoolClient> {
    try {
      return new BoundedConnection(await this.#pool.connect(), this.#answerMs);
    } catch (error) {
      throw failureToConnect(error);
    }
  }

  async end(): Promise<void> {
    await this.#pool.end();
  }
}

class BoundedConnection implements PostgresPoolClient {
  #broken = false;

  constructor(
    private readonly client: PoolClient,
    private readonly answerMs: number,
  ) {}

  query<R>(statement: string, parameters: readonly unknown[]): Promise<PostgresQueryResult<R>>;
  query<R>(cursor: PostgresCursor<R>): PostgresCursor<R>;
  query<R>(
    statement: string | PostgresCursor<R>,
    parameters: readonly unknown[] = [],
  ): Promise<PostgresQueryResult<R>> | PostgresCursor<R> {
    if (typeof statement !== 'string')
      throw new InvariantError('cursors are not used: lists are read page by page', { reason: 'cursor' });
    return this.#ask<R>(statement, parameters);
  }

  async #ask<R>(statement: string, parameters: readonly unknown[]): Promise<PostgresQueryResult<R>> {
    try {
      const asked = this.client.query(statement, [...parameters]);
      return (await answeredWithin(asked, this.answerMs)) as unknown as PostgresQueryResult<R>;
    } catch (error) {
      this.#broken ||= !(error instanceof DatabaseError) || error.severity !== 'ERROR';
      throw failureOfStatement(error);
    }
  }

  release(): void {
    this.client.release(this.#broken);
  }
}

async function answeredWithin<T>(answer: Promise<T>, limitMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () => reject(new UncertainError('PostgreSQL did not answer in time', { reason: 'postgres-deadline' })),
      limitMs,
    );
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}
