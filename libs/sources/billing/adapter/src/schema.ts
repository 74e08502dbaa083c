import type { ColumnType, Generated } from 'kysely';

/** Numbers that PostgreSQL may hold and JavaScript might not come back as text. */
type BigInteger = ColumnType<string, number, number>;
type Timestamp = ColumnType<Date, string, string>;

/**
 * The usage journal: what was owed, once for each intent, in the words of the commit that caused it. Rows are only ever
 * added. `size_gib` holds from `at` on; null: the subscription ended then.
 */
interface SubscriptionEvents {
  intent_id: string;
  volume_id: string;
  account_id: string;
  /** Raised by every commit on the volume: the order of its events, whenever each arrived. */
  rev: BigInteger;
  at: Timestamp;
  size_gib: number | null;
  recorded_at: Generated<Date>;
}

/** Each volume's latest event. An ended one stays, so that an older event which arrives late cannot open it again. */
interface Subscriptions {
  volume_id: string;
  account_id: string;
  rev: BigInteger;
  at: Timestamp;
  size_gib: number | null;
}

/** What the registry's tick was, for each registry that shares this database: see `Witness`. */
interface RegistryWitness {
  registry: string;
  tick: BigInteger;
  halted: boolean;
}

export interface BillingTables {
  subscription_events: SubscriptionEvents;
  subscriptions: Subscriptions;
  registry_witness: RegistryWitness;
}
