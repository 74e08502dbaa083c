import { randomUUID } from 'node:crypto';
import { InvariantError, volumeIdOf, volumeResource } from '@plumbline/domain';
import type { AccountId, IntentId, OwedFact, Source, SourceClient, VolumeId } from '@plumbline/domain';
import { billingSubscription } from '@plumbline/billing-facets';
import type { SubscriptionSeen } from '@plumbline/billing-facets';
import {
  assert,
  asyncProperty,
  constantFrom,
  integer,
  nat,
  record,
  shuffledSubarray,
  uniqueArray,
} from 'fast-check';
import type { UsageInterval } from './fake-billing.js';

export interface BillingUnderTest {
  readonly client: SourceClient<Source> & { record(facts: readonly OwedFact[]): Promise<void> };
  intervalsOf(volume: VolumeId): Promise<readonly UsageInterval[]>;
}

const DAY_MS = 86_400_000;
const STARTED_AT = Date.UTC(2026, 0, 1);
/** More than any reasonable page of a listing. */
const MANY = 1_203;
const BATCH = 500;

/** A volume's events as commits write them: `rev` and `at` rise, the last one may be its end. */
export function historyOf(sizes: readonly (number | null)[], account = randomUUID()): OwedFact[] {
  const resource = volumeResource(randomUUID() as VolumeId);
  return sizes.map((sizeGib, position) => ({
    source: 'billing',
    facet: billingSubscription.name,
    resource,
    account: account as AccountId,
    intent: randomUUID() as IntentId,
    rev: position + 1,
    at: STARTED_AT + position * DAY_MS + position,
    want: sizeGib === null ? null : { sizeGib },
  }));
}

/** What any billing must do, the fake and the real one. Several runs may share one database: every id is new. */
export function describeBilling(name: string, under: () => BillingUnderTest): void {
  const signal = (): AbortSignal => AbortSignal.timeout(30_000);
  const source = (): Source => {
    const found = under().client.facets.get(billingSubscription.name);
    if (found === undefined) throw new Error('there is no facet for subscriptions');
    return found;
  };
  const volumeOf = (facts: readonly OwedFact[]): VolumeId => volumeIdOf((facts[0] as OwedFact).resource);
  const observe = (facts: readonly OwedFact[]) => source().observe({ key: volumeOf(facts) }, signal());

  describe(`${name}: what is owed becomes a subscription`, () => {
    it('comes to the state of the highest rev, in whatever order, batches and repetitions facts arrive', async () => {
      const life = record({
        sizes: uniqueArray(integer({ min: 1, max: 16_384 }), { minLength: 1, maxLength: 5 }),
        ends: constantFrom(true, false),
        batch: integer({ min: 1, max: 7 }),
        again: nat(4),
      });
      const run = asyncProperty(
        life,
        shuffledSubarray([0, 1, 2, 3, 4, 5], { minLength: 6 }),
        async (drawn, order) => {
          const sizes = drawn.sizes.sort((a, b) => a - b);
          const facts = historyOf(drawn.ends ? [...sizes, null] : sizes);
          const arriving = order.flatMap((position) => facts[position] ?? []);
          arriving.push(...arriving.slice(0, drawn.again));
          for (let start = 0; start < arriving.length; start += drawn.batch)
            await under().client.record(arriving.slice(start, start + drawn.batch));
          const last = facts.at(-1) as OwedFact;
          expect(await observe(facts)).toEqual(
            last.want === null ? null : { sizeGib: sizes.at(-1), account: last.account },
          );
          expect(await under().intervalsOf(volumeOf(facts))).toEqual(
            sizes.map((sizeGib, position) => ({
              sizeGib,
              startsAt: facts[position]?.at,
              endsAt: facts[position + 1]?.at ?? null,
            })),
          );
        },
      );
      await assert(run, { numRuns: 25 });
    });

    it('stays ended when an older fact arrives late', async () => {
      const facts = historyOf([10, 20, null]);
      await under().client.record([facts[2] as OwedFact]);
      await under().client.record(facts.slice(0, 2));
      expect(await observe(facts)).toBeNull();
    });

    it('records the same facts once when two workers drain them at once', async () => {
      const lives = Array.from({ length: 40 }, () => historyOf([1, 2, 3]));
      const facts = lives.flat();
      await Promise.all([
        under().client.record(facts),
        under().client.record([...facts].reverse()),
        under().client.record(facts.slice(30)),
      ]);
      for (const life of lives) expect(await under().intervalsOf(volumeOf(life))).toHaveLength(3);
    });

    it('refuses a fact that contradicts what its intent has told, and keeps the first', async () => {
      const facts = historyOf([10]);
      await under().client.record(facts);
      const changed = { ...(facts[0] as OwedFact), rev: 2, want: { sizeGib: 99 } };
      await expect(under().client.record([changed])).rejects.toBeInstanceOf(InvariantError);
      expect(await observe(facts)).toMatchObject({ sizeGib: 10 });
    });

    it('refuses a batch with a fact that is no subscription, and records nothing of it', async () => {
      const facts = historyOf([10]);
      const bad = { ...(historyOf([1])[0] as OwedFact), want: { sizeGib: 'much' } };
      await expect(under().client.record([...facts, bad])).rejects.toBeInstanceOf(InvariantError);
      expect(await observe(facts)).toBeNull();
    });
  });

  describe(`${name}: looking`, () => {
    it('sees nothing for an unknown volume and for a key that is none of ours', async () => {
      expect(await source().observe({ key: randomUUID() }, signal())).toBeNull();
      expect(await source().observe({ key: "x' or true --" }, signal())).toBeNull();
    });

    it('lists every open subscription once, sorted by volume, and no ended one', async () => {
      const account = randomUUID();
      const open = Array.from({ length: MANY }, () => historyOf([5], account));
      const ended = Array.from({ length: 20 }, () => historyOf([5, null], account));
      const facts = [...open, ...ended].flat();
      for (let start = 0; start < facts.length; start += BATCH)
        await under().client.record(facts.slice(start, start + BATCH));
      const keys: string[] = [];
      const own: string[] = [];
      for await (const { key, seen } of source().list(signal())) {
        keys.push(key);
        if ((seen as SubscriptionSeen).account === account) own.push(key);
      }
      expect(keys).toEqual([...new Set(keys)].sort());
      expect(own).toEqual(open.map(volumeOf).sort());
    });

    it('answers a ping, and rejects instead of guessing when it is told to stop', async () => {
      await under().client.ping(signal());
      await expect(source().observe({ key: randomUUID() }, AbortSignal.abort())).rejects.toThrow();
    });
  });
}
