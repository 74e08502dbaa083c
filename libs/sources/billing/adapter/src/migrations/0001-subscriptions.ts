import { sql } from 'kysely';
import type { Kysely, Migration } from 'kysely';

async function up(db: Kysely<never>): Promise<void> {
  await db.schema
    .createTable('subscription_events')
    .addColumn('intent_id', 'uuid', (column) => column.primaryKey())
    .addColumn('volume_id', 'uuid', (column) => column.notNull())
    .addColumn('account_id', 'uuid', (column) => column.notNull())
    .addColumn('rev', 'bigint', (column) => column.notNull().check(sql`rev > 0`))
    .addColumn('at', 'timestamptz(3)', (column) => column.notNull())
    .addColumn('size_gib', 'integer', (column) => column.check(sql`size_gib > 0`))
    .addColumn('recorded_at', 'timestamptz', (column) => column.notNull().defaultTo(sql`now()`))
    .addUniqueConstraint('subscription_events_volume_rev', ['volume_id', 'rev'])
    .execute();

  await db.schema
    .createTable('subscriptions')
    .addColumn('volume_id', 'uuid', (column) => column.primaryKey())
    .addColumn('account_id', 'uuid', (column) => column.notNull())
    .addColumn('rev', 'bigint', (column) => column.notNull())
    .addColumn('at', 'timestamptz(3)', (column) => column.notNull())
    .addColumn('size_gib', 'integer')
    .execute();

  // Ended subscriptions outnumber the open ones in time; walking the open ones must not read them.
  await db.schema
    .createIndex('subscriptions_open')
    .on('subscriptions')
    .column('volume_id')
    .where(sql.ref('size_gib'), 'is not', null)
    .execute();

  // Charged time: each event holds until the next of its volume. Null `ends_at`: it still holds.
  await sql`
    create view subscription_intervals as
    select volume_id, account_id, size_gib, starts_at, ends_at
    from (
      select volume_id, account_id, size_gib, at as starts_at,
             lead(at) over (partition by volume_id order by rev) as ends_at
      from subscription_events
    ) as journal
    where size_gib is not null`.execute(db);
}

export const subscriptions: Migration = { up };
