import { UncertainError } from '@plumbline/domain';
import type { OwedFact } from '@plumbline/domain';
import { FakeBilling, describeBilling, historyOf } from '@plumbline/testing';

const fake = new FakeBilling();
describeBilling('fake billing', () => ({
  client: fake,
  intervalsOf: async (volume) => fake.intervalsOf(volume),
}));

describe('the manners of the fake', () => {
  const observe = (billing: FakeBilling, fact: OwedFact | undefined) =>
    billing.facets
      .get('billing.subscription')
      ?.observe({ key: fact?.resource.slice('volume/'.length) ?? '' }, AbortSignal.timeout(1_000));

  it('writes although the answer is lost', async () => {
    const billing = new FakeBilling();
    const facts = historyOf([7]);
    billing.manners.lostReplies = 1;
    await expect(billing.record(facts)).rejects.toBeInstanceOf(UncertainError);
    expect(await observe(billing, facts[0])).toMatchObject({ sizeGib: 7 });
  });

  it('writes late what its client gave up, without undoing what came since', async () => {
    const billing = new FakeBilling();
    const facts = historyOf([7, 8]);
    billing.manners.lateWrites = 1;
    await expect(billing.record(facts.slice(0, 1))).rejects.toBeInstanceOf(UncertainError);
    await billing.record(facts.slice(1));
    billing.landLate();
    expect(await observe(billing, facts[0])).toMatchObject({ sizeGib: 8 });
  });
});
