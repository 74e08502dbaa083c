/**
 * Writing what is owed. One statement, and so one transaction and one round trip: the events go into the journal, each
 * once by its intent, and the volumes' current state follows from the rows that were new, the highest `rev` winning. It may
 * therefore be repeated, arrive in any order, and land late, with the same end. Rows are taken in the order of the volume
 * ids, so that two workers with overlapping batches wait for each other instead of locking each other out.
 */
import { sql } from 'kysely';
import type { Kysely } from 'kysely';
import { billingSubscription } from '@plumbline/billing-facets';
import type { SubscriptionWant } from '@plumbline/billing-facets';
import { InvariantError, parseVolumeId, volumeIdOf } from '@plumbline/domain';
import type { OwedFact } from '@plumbline/domain';
import { wasRace } from './errors.js';
import type { BillingTables } from './schema.js';

/** Facts in one statement. */
const FACTS_MAX = 1_000;
/** How often a statement that lost a race is given again. */
const REPEATS_MAX = 8;

interface EventRow {
  readonly intent: string;
  readonly volume: string;
  readonly account: string;
  readonly rev: number;
  readonly at: string;
  readonly sizeGib: number | null;
}

/** @throws InvariantError when a fact is none of ours, or contradicts what its intent has already told. */
export async function recordFacts(db: Kysely<BillingTables>, facts: readonly OwedFact[]): Promise<void> {
  if (facts.length === 0) return;
  if (facts.length > FACTS_MAX)
    throw new InvariantError(`asked to record more than ${FACTS_MAX} facts at once`, { reason: 'batch' });
  const rows = facts.map(eventOf);
  const contradicted = await insert(db, rows);
  if (contradicted.length > 0)
    throw new InvariantError(`the journal tells otherwise about intent ${contradicted.join(', ')}`, {
      reason: 'contradiction',
    });
}

function eventOf(fact: OwedFact): EventRow {
  const volume = parseVolumeId(volumeIdOf(fact.resource));
  const want = fact.want === null ? null : billingSubscription.want.safeParse(fact.want);
  if (volume === null || fact.facet !== billingSubscription.name || want?.success === false)
    throw new InvariantError(`what intent ${fact.intent} owes is no subscription`, { reason: 'fact' });
  const size: SubscriptionWant | null = want === null ? null : want.data;
  return {
    intent: fact.intent,
    volume,
    account: fact.account,
    rev: fact.rev,
    at: new Date(fact.at).toISOString(),
    sizeGib: size === null ? null : size.sizeGib,
  };
}

async function insert(db: Kysely<BillingTables>, rows: readonly EventRow[]): Promise<readonly string[]> {
  for (let repeats = 0; ; repeats += 1) {
    try {
      return await insertOnce(db, rows);
    } catch (error) {
      if (!wasRace(error) || repeats === REPEATS_MAX) throw error;
    }
  }
}

/** Answers the intents of which the journal already held something else. */
async function insertOnce(db: Kysely<BillingTables>, rows: readonly EventRow[]): Promise<readonly string[]> {
  const column = <K extends keyof EventRow>(name: K): EventRow[K][] => rows.map((row) => row[name]);
  const { rows: found } = await sql<{ intent_id: string }>`
    with given as (
      select * from unnest(
        ${column('intent')}::uuid[], ${column('volume')}::uuid[], ${column('account')}::uuid[],
        ${column('rev')}::bigint[], ${column('at')}::timestamptz[], ${column('sizeGib')}::integer[]
      ) as fact (intent_id, volume_id, account_id, rev, at, size_gib)
    ), journal as (
      insert into subscription_events (intent_id, volume_id, account_id, rev, at, size_gib)
      select intent_id, volume_id, account_id, rev, at, size_gib from given order by volume_id, rev
      on conflict (intent_id) do nothing
      returning volume_id, account_id, rev, at, size_gib
    ), latest as (
      select distinct on (volume_id) volume_id, account_id, rev, at, size_gib
      from journal order by volume_id, rev desc
    ), current as (
      insert into subscriptions (volume_id, account_id, rev, at, size_gib)
      select volume_id, account_id, rev, at, size_gib from latest order by volume_id
      on conflict (volume_id) do update
      set account_id = excluded.account_id, rev = excluded.rev, at = excluded.at, size_gib = excluded.size_gib
      where excluded.rev > subscriptions.rev
    )
    select given.intent_id
    from given join subscription_events as told using (intent_id)
    where (told.volume_id, told.account_id, told.rev, told.at, told.size_gib)
      is distinct from (given.volume_id, given.account_id, given.rev, given.at, given.size_gib)`.execute(db);
  return found.map((row) => row.intent_id);
}
