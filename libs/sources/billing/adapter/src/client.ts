/**
 * PostgreSQL as a derived source: it learns from the owed facts what an account is billed for each volume, and is asked
 * for it. Nothing here decides anything about a volume, so an outage of PostgreSQL holds no volume up.
 */
import { Kysely, PostgresDialect, sql } from 'kysely';
import type { FacetName, OwedFact, Source, SourceClient, Witness } from '@plumbline/domain';
import { migrate } from './migrate.js';
import { BoundedPool } from './pool.js';
import type { BillingDeadlines } from './pool.js';
import { recordFacts } from './record.js';
import type { BillingTables } from './schema.js';
import { SubscriptionSource, asking } from './subscription.js';
import { WitnessRow } from './witness-row.js';

export interface BillingOptions {
  /** `postgresql://user:password@host:port/database` */
  readonly url: string;
  readonly poolSize: number;
  readonly deadlines: BillingDeadlines;
  /** Where the tables are, so that several systems can share one database. A plain lower-case name. */
  readonly schema?: string;
}

export interface BillingDrain {
  /** Brings the schema up to date; for the billing worker, at its start. May be repeated, and done by several at once. */
  migrate(): Promise<void>;
  /**
   * Makes these facts part of the journal, each once, all or none. May be repeated after any error but `InvariantError`,
   * which says that one of them can never be recorded.
   */
  record(facts: readonly OwedFact[]): Promise<void>;
  /** What this database remembers of the registry with that prefix. */
  witnessOf(registryPrefix: string): Witness;
}

export type BillingClient = SourceClient<Source> & BillingDrain;

/** Connects at the first question, not here: a billing that is away must not keep a process from starting. */
export async function connectBilling(options: BillingOptions): Promise<BillingClient> {
  const { url, poolSize, deadlines, schema = 'public' } = options;
  if (!/^[a-z_][a-z0-9_]*$/.test(schema)) throw new TypeError('schema must be a plain lower-case name');
  const pool = new BoundedPool({ url, schema, poolSize, deadlines });
  const db = new Kysely<BillingTables>({ dialect: new PostgresDialect({ pool }) });
  const subscriptions = new SubscriptionSource(db);
  return {
    name: 'billing',
    facets: new Map<FacetName, Source>([[subscriptions.facet.name, subscriptions]]),
    async ping(signal) {
      await asking(signal, () => sql`select 1`.execute(db));
    },
    async catchUp() {}, // Nobody is fenced here: what an older attempt owes is as true as what a newer one does.
    close: () => db.destroy(),
    migrate: () => migrate({ url, schema, connectMs: deadlines.connectMs }),
    record: (facts) => recordFacts(db, facts),
    witnessOf: (registryPrefix) => new WitnessRow(db, registryPrefix),
  };
}
