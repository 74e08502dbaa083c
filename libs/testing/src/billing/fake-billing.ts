import { billingSubscription } from '@plumbline/billing-facets';
import { InvariantError, TransientError, UncertainError, parseVolumeId, volumeIdOf } from '@plumbline/domain';
import type { FacetName, IntentId, OwedFact, Source, SourceClient, VolumeId } from '@plumbline/domain';

/** What PostgreSQL's client sees happen to its writes. Each count is used up by that many calls of `record`. */
export interface BillingManners {
  /** Written, and then the answer to the commit is lost. */
  lostReplies: number;
  /** Given up by the client, and written when `landLate` is called. */
  lateWrites: number;
  /** Definitely not written: a deadlock, a full disk, a server that is starting. */
  failures: number;
  /** Nobody answers at all. */
  down: boolean;
}

export interface UsageInterval {
  readonly sizeGib: number;
  readonly startsAt: number;
  /** Null: it still holds. */
  readonly endsAt: number | null;
}

/** A billing database in memory, as far as subscriptions go, with the manners of the real one. */
export class FakeBilling implements SourceClient<Source> {
  readonly name = 'billing';
  readonly manners: BillingManners = { lostReplies: 0, lateWrites: 0, failures: 0, down: false };
  readonly facets: ReadonlyMap<FacetName, Source>;
  readonly #journal = new Map<IntentId, OwedFact>();
  #late: (readonly OwedFact[])[] = [];

  constructor() {
    const source: Source = {
      facet: billingSubscription,
      observe: async ({ key }, signal) => {
        this.#answer(signal);
        const volume = parseVolumeId(key);
        return volume === null ? null : this.#seen(volume);
      },
      list: (signal) => this.#list(signal),
    };
    this.facets = new Map([[billingSubscription.name, source]]);
  }

  async migrate(): Promise<void> {
    this.#answer();
  }

  async record(facts: readonly OwedFact[]): Promise<void> {
    this.#answer();
    const { manners } = this;
    if (manners.failures > 0) {
      manners.failures -= 1;
      throw new TransientError('the billing database refused for now', { reason: 'postgres-race' });
    }
    if (manners.lateWrites > 0) {
      manners.lateWrites -= 1;
      this.#late.push(facts);
      throw new UncertainError('the billing database did not answer in time', {
        reason: 'postgres-deadline',
      });
    }
    this.#write(facts);
    if (manners.lostReplies > 0) {
      manners.lostReplies -= 1;
      throw new UncertainError('the answer of the billing database was lost', { reason: 'postgres-lost' });
    }
  }

  /** Whatever its client gave up arrives now, in any order but the one it was sent in. */
  landLate(): void {
    const late = this.#late.reverse();
    this.#late = [];
    for (const facts of late) this.#write(facts);
  }

  intervalsOf(volume: VolumeId): readonly UsageInterval[] {
    const events = this.#eventsOf(volume);
    return events.flatMap((event, position) => {
      const size = sizeOf(event);
      if (size === null) return [];
      return [{ sizeGib: size, startsAt: event.at, endsAt: events[position + 1]?.at ?? null }];
    });
  }

  /** What billing has of a volume now. */
  subscriptionOf(volume: VolumeId): { readonly sizeGib: number; readonly account: string } | null {
    return this.#seen(volume);
  }

  /** As somebody who deletes a row by hand: the newest of that volume. False: it has none. */
  loseNewest(volume: VolumeId): boolean {
    const newest = this.#eventsOf(volume).at(-1);
    return newest !== undefined && this.#journal.delete(newest.intent);
  }

  async ping(signal: AbortSignal): Promise<void> {
    this.#answer(signal);
  }

  async catchUp(): Promise<void> {}

  async close(): Promise<void> {}

  async *#list(signal: AbortSignal) {
    this.#answer(signal);
    const volumes = new Set([...this.#journal.values()].map((fact) => volumeIdOf(fact.resource)));
    for (const key of [...volumes].sort()) {
      const seen = this.#seen(key);
      if (seen !== null) yield { key, seen };
    }
  }

  #answer(signal?: AbortSignal): void {
    if (signal?.aborted !== true && !this.manners.down) return;
    throw new TransientError('could not connect to the billing database', { reason: 'postgres-unreachable' });
  }

  #write(facts: readonly OwedFact[]): void {
    for (const fact of facts) this.#refuseBad(fact);
    for (const fact of facts) this.#journal.set(fact.intent, fact);
  }

  #refuseBad(fact: OwedFact): void {
    const told = this.#journal.get(fact.intent);
    const isSubscription = fact.want === null || billingSubscription.want.safeParse(fact.want).success;
    if (!isSubscription || parseVolumeId(volumeIdOf(fact.resource)) === null)
      throw new InvariantError(`what intent ${fact.intent} owes is no subscription`, { reason: 'fact' });
    const same = (a: OwedFact, b: OwedFact): boolean =>
      a.resource === b.resource && a.rev === b.rev && a.at === b.at && sizeOf(a) === sizeOf(b);
    if (told !== undefined && !same(told, fact))
      throw new InvariantError(`the journal tells otherwise about intent ${fact.intent}`, {
        reason: 'contradiction',
      });
  }

  #eventsOf(volume: VolumeId): readonly OwedFact[] {
    return [...this.#journal.values()]
      .filter((fact) => volumeIdOf(fact.resource) === volume)
      .sort((a, b) => a.rev - b.rev);
  }

  #seen(volume: VolumeId): { sizeGib: number; account: string } | null {
    const last = this.#eventsOf(volume).at(-1);
    const size = last === undefined ? null : sizeOf(last);
    return last === undefined || size === null ? null : { sizeGib: size, account: last.account };
  }
}

function sizeOf(fact: OwedFact): number | null {
  return fact.want === null ? null : billingSubscription.want.parse(fact.want).sizeGib;
}
