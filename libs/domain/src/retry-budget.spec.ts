import { RetryBudget } from './retry-budget.js';

describe('the budget of retries', () => {
  const spent = (budget: RetryBudget, asked: number): number =>
    Array.from({ length: asked }, () => budget.spend()).filter((may) => may).length;

  it('lets a few failures be tried again at once', () => {
    expect(spent(new RetryBudget(), 50)).toBe(50);
  });

  it('keeps retries a share of the calls, however many fail', () => {
    const budget = new RetryBudget();
    let retries = spent(budget, 50);
    for (let call = 0; call < 10_000; call += 1) {
      budget.earn();
      if (budget.spend()) retries += 1;
    }
    expect(retries).toBeGreaterThan(1_000);
    expect(retries).toBeLessThan(50 + 10_000 * 0.3);
  });

  it('lets every retry out some time, even when nothing else is done', () => {
    const budget = new RetryBudget();
    spent(budget, 50);
    const made = spent(budget, 1_100);
    expect([made > 90, made < 110]).toEqual([true, true]);
  });

  it('is full again after enough calls, and holds no more than that', () => {
    const budget = new RetryBudget();
    spent(budget, 50);
    for (let call = 0; call < 10_000; call += 1) budget.earn();
    expect(spent(budget, 55)).toBe(50);
  });
});
