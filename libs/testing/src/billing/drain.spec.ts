import { InvariantError, TransientError, UncertainError, volumeIdOf } from '@plumbline/domain';
import type { OwedFact } from '@plumbline/domain';
import { drainOwed } from '@plumbline/engine';
import type { OwedEntry, OwedPages } from '@plumbline/engine';
import fc from 'fast-check';
import { historyOf } from './describe-billing.js';
import { FakeBilling } from './fake-billing.js';

/** What is owed, as the registry keeps it: sorted by key. */
class OwedKeys {
  readonly entries = new Map<string, OwedEntry>();
  removalsLost = 0;

  constructor(
    private readonly billing: FakeBilling,
    private readonly pageSize: number,
  ) {}

  add(facts: readonly OwedFact[]): void {
    for (const fact of facts) {
      const key = `owed/billing/${fact.resource}/${fact.intent}`;
      this.entries.set(key, { key, fact });
    }
  }

  pages(): OwedPages {
    return {
      page: async (after) =>
        [...this.entries.values()]
          .filter(({ key }) => after === null || key > after)
          .sort((a, b) => (a.key < b.key ? -1 : 1))
          .slice(0, this.pageSize),
      record: (facts) => this.billing.record(facts),
      remove: async (entries) => {
        if (this.removalsLost > 0) {
          this.removalsLost -= 1;
          throw new UncertainError('the registry did not answer', { reason: 'outcome_unknown' });
        }
        for (const { key } of entries) this.entries.delete(key);
      },
    };
  }
}

describe('draining what is owed', () => {
  it('forgets nothing and charges nothing twice, whatever fails on the way', async () => {
    const trouble = fc.record({
      failures: fc.nat(3),
      lostReplies: fc.nat(3),
      lateWrites: fc.nat(3),
      removalsLost: fc.nat(3),
      pageSize: fc.integer({ min: 1, max: 20 }),
      batchMax: fc.integer({ min: 1, max: 10 }),
      lives: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 8 }),
    });
    await fc.assert(
      fc.asyncProperty(trouble, async ({ pageSize, batchMax, lives, removalsLost, ...manners }) => {
        const billing = new FakeBilling();
        Object.assign(billing.manners, manners);
        const owed = new OwedKeys(billing, pageSize);
        owed.removalsLost = removalsLost;
        const histories = lives.map((length) => historyOf(Array.from({ length }, (_, rev) => rev + 1)));
        owed.add(histories.flat());
        for (let turns = 0; turns < 20 && owed.entries.size > 0; turns += 1) {
          await drainOwed(owed.pages(), { batchMax }).catch((error: unknown) => {
            if (!(error instanceof TransientError || error instanceof UncertainError)) throw error;
          });
        }
        billing.landLate();
        expect(owed.entries.size).toBe(0);
        for (const facts of histories)
          expect(billing.intervalsOf(volumeIdOf((facts[0] as OwedFact).resource))).toEqual(
            facts.map(({ at }, position) => ({
              sizeGib: position + 1,
              startsAt: at,
              endsAt: facts[position + 1]?.at ?? null,
            })),
          );
      }),
      { numRuns: 200 },
    );
  });

  it('leaves a fact that can never be recorded where it is, and lets everything else pass', async () => {
    const billing = new FakeBilling();
    const owed = new OwedKeys(billing, 50);
    const bad = historyOf([1]).map((fact) => ({ ...fact, want: { sizeGib: 'much' } }));
    owed.add([...Array.from({ length: 20 }, () => historyOf([1, null])).flat(), ...bad]);
    const report = await drainOwed(owed.pages(), { batchMax: 10 });
    expect(report).toMatchObject({ recorded: 40, ended: true });
    expect(report.refused.map(({ error }) => error)).toEqual([expect.any(InvariantError)]);
    expect([...owed.entries.values()].map(({ fact }) => fact)).toEqual(bad);
  });

  it('keeps everything while billing is down', async () => {
    const billing = new FakeBilling();
    billing.manners.down = true;
    const owed = new OwedKeys(billing, 10);
    owed.add(historyOf([1, 2, 3]));
    await expect(drainOwed(owed.pages(), { batchMax: 2 })).rejects.toBeInstanceOf(TransientError);
    expect(owed.entries.size).toBe(3);
  });
});
