import { EngineError, InvariantError, TransientError, UncertainError } from '@plumbline/domain';
import { DatabaseError } from 'pg';

interface Verdict {
  readonly means: 'transient' | 'uncertain' | 'invariant';
  readonly reason: string;
  /** The statement lost a race against another one, and is given again at once. */
  readonly repeat?: true;
}

const BUSY: Verdict = { means: 'transient', reason: 'postgres-busy' };
const DENIED: Verdict = { means: 'transient', reason: 'postgres-denied' };
const LOST: Verdict = { means: 'uncertain', reason: 'postgres-lost' };
const RACE: Verdict = { means: 'transient', reason: 'postgres-race', repeat: true };
const WRONG: Verdict = { means: 'invariant', reason: 'postgres-statement' };

/**
 * What each SQLSTATE, or class of them (two characters), says about the statement. An error that PostgreSQL answers
 * has rolled its statement back, except where the server itself was going down: then the commit may have come first.
 * What a person can mend (a right, a password, a migration) is waited for, because nothing owed may be dropped meanwhile.
 */
const SQLSTATES: Readonly<Record<string, Verdict>> = {
  '40001': RACE, // serialization_failure
  '40P01': RACE, // deadlock_detected
  // unique_violation: a concurrent insert of the same row can show on another index than the one we let it pass by. When
  // it stays, two intents claim one place in a volume's history.
  '23505': { means: 'invariant', reason: 'postgres-duplicate', repeat: true },
  '57014': BUSY, // query_canceled, by our own statement_timeout
  '55P03': BUSY, // lock_not_available
  '57P03': BUSY, // cannot_connect_now: starting, or recovering
  '57P01': LOST, // admin_shutdown
  '57P02': LOST, // crash_shutdown
  '25006': { means: 'transient', reason: 'postgres-read-only' }, // a standby, or a disk that just came back
  '42P01': { means: 'transient', reason: 'postgres-not-migrated' }, // undefined_table
  '3F000': { means: 'transient', reason: 'postgres-not-migrated' }, // invalid_schema_name
  '42501': DENIED, // insufficient_privilege
  '08': LOST, // connection_exception
  '22': WRONG, // data_exception
  '23': WRONG, // integrity_constraint_violation
  '28': DENIED, // invalid_authorization_specification
  '3D': DENIED, // invalid_catalog_name: no such database
  '42': WRONG, // syntax_error_or_access_rule_violation
  '53': { means: 'transient', reason: 'postgres-full' }, // disk full, out of memory, too many connections
};

const CLASSES = { transient: TransientError, uncertain: UncertainError, invariant: InvariantError };

function verdictOf(error: unknown): Verdict | undefined {
  if (!(error instanceof DatabaseError) || error.code === undefined) return undefined;
  return SQLSTATES[error.code] ?? SQLSTATES[error.code.slice(0, 2)];
}

/** Nothing was sent yet, so nothing happened, whatever it was. */
export function failureToConnect(cause: unknown): EngineError {
  if (cause instanceof EngineError) return cause;
  const reason = verdictOf(cause)?.reason ?? 'postgres-unreachable';
  return new TransientError('could not connect to PostgreSQL', { reason, cause });
}

/** A statement was sent, and this came back. Unclassified means uncertain. */
export function failureOfStatement(cause: unknown): EngineError {
  if (cause instanceof EngineError) return cause;
  const { means, reason } = verdictOf(cause) ?? LOST;
  return new CLASSES[means]('a statement to PostgreSQL failed', { reason, cause });
}

/** Whether the same statement, given again at once, may well succeed. */
export function wasRace(error: unknown): boolean {
  return error instanceof EngineError && verdictOf(error.cause)?.repeat === true;
}

/** A lost answer to a question leaves nothing uncertain: it is asked again. */
export function failureToRead(cause: unknown): EngineError {
  const failure = failureOfStatement(cause);
  return failure instanceof UncertainError
    ? new TransientError('PostgreSQL did not answer', { reason: failure.reason, cause: failure.cause })
    : failure;
}
