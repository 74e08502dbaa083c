import { Kysely, Migrator, PostgresDialect } from 'kysely';
import type { Migration } from 'kysely';
import { failureOfStatement } from './errors.js';
import { BoundedPool } from './pool.js';
import { subscriptions } from './migrations/0001-subscriptions.js';
import { registryWitness } from './migrations/0002-registry-witness.js';

/** In their order. A migration that was once released is never edited: a change of it is the next one. */
const MIGRATIONS: Readonly<Record<string, Migration>> = {
  '0001-subscriptions': subscriptions,
  '0002-registry-witness': registryWitness,
};

/** Long enough for one of several workers to wait until another has migrated. */
const MIGRATION_MS = 60_000;

/**
 * Brings the schema up to date, under a lock of the database and in one transaction: repeating it, or doing it from two
 * workers at once, ends the same. On a connection of its own, because waiting for the lock needs a longer deadline.
 */
export async function migrate(options: { url: string; schema: string; connectMs: number }): Promise<void> {
  const { url, schema, connectMs } = options;
  const deadlines = { connectMs, statementMs: MIGRATION_MS };
  const pool = new BoundedPool({ url, schema, poolSize: 1, deadlines });
  const db = new Kysely<never>({ dialect: new PostgresDialect({ pool }) });
  try {
    const provider = { getMigrations: async () => ({ ...MIGRATIONS }) };
    const migrator = new Migrator({ db, provider, migrationTableSchema: schema });
    const { error } = await migrator.migrateToLatest();
    if (error !== undefined) throw failureOfStatement(error);
  } finally {
    await db.destroy();
  }
}
