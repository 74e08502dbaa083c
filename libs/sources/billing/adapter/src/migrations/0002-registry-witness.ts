import type { Kysely, Migration } from 'kysely';

async function up(db: Kysely<never>): Promise<void> {
  await db.schema
    .createTable('registry_witness')
    .addColumn('registry', 'text', (column) => column.primaryKey())
    .addColumn('tick', 'bigint', (column) => column.notNull())
    .addColumn('halted', 'boolean', (column) => column.notNull())
    .execute();
}

export const registryWitness: Migration = { up };
