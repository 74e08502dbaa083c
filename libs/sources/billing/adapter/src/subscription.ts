import type { Kysely } from 'kysely';
import { billingSubscription } from '@plumbline/billing-facets';
import type { SubscriptionSeen } from '@plumbline/billing-facets';
import { TransientError, parseVolumeId } from '@plumbline/domain';
import type { Json, Place, Source } from '@plumbline/domain';
import { failureToRead } from './errors.js';
import type { BillingTables } from './schema.js';

/** Rows held in memory while all are walked. */
const LIST_PAGE = 500;

/** The open subscriptions. The read half only: they follow what is owed, and nobody applies them. */
export class SubscriptionSource implements Source {
  readonly facet = billingSubscription;

  constructor(private readonly db: Kysely<BillingTables>) {}

  async observe({ key }: Place, signal: AbortSignal): Promise<SubscriptionSeen | null> {
    const volume = parseVolumeId(key);
    if (volume === null) return null;
    const row = await asking(signal, () => this.#open().where('volume_id', '=', volume).executeTakeFirst());
    return row === undefined ? null : seenOf(row);
  }

  /** Page by page from the last key on: what is added or ended meanwhile shows or not, and nothing else is missed. */
  async *list(signal: AbortSignal): AsyncGenerator<Place & { readonly seen: Json }> {
    let after: string | null = null;
    for (;;) {
      const page: readonly OpenRow[] = await asking(signal, () => this.#pageAfter(after));
      for (const row of page) yield { key: row.volume_id, seen: seenOf(row) };
      const last = page.at(-1);
      if (last === undefined || page.length < LIST_PAGE) return;
      after = last.volume_id;
    }
  }

  #open() {
    return this.db
      .selectFrom('subscriptions')
      .select(['volume_id', 'account_id', 'size_gib'])
      .where('size_gib', 'is not', null)
      .$narrowType<{ size_gib: number }>();
  }

  #pageAfter(after: string | null): Promise<readonly OpenRow[]> {
    const page = this.#open().orderBy('volume_id').limit(LIST_PAGE);
    return (after === null ? page : page.where('volume_id', '>', after)).execute();
  }
}

interface OpenRow {
  readonly volume_id: string;
  readonly account_id: string;
  readonly size_gib: number;
}

function seenOf(row: OpenRow): SubscriptionSeen {
  return { sizeGib: row.size_gib, account: row.account_id };
}

/** A question: ends when told so, and its failure never leaves anything uncertain. */
export async function asking<T>(signal: AbortSignal, question: () => Promise<T>): Promise<T> {
  const stopped = (): TransientError =>
    new TransientError('stopped asking PostgreSQL', { reason: 'aborted', cause: signal.reason });
  if (signal.aborted) throw stopped();
  let stop = (): void => undefined;
  const stopping = new Promise<never>((_resolve, reject) => {
    stop = () => reject(stopped());
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([question(), stopping]);
  } catch (error) {
    throw failureToRead(error);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
