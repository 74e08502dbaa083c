import fc from 'fast-check';
import { figuresOf, median, percentile, spread } from './figures.js';

const values = fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 300 });

describe('figures', () => {
  it('finds a percentile among the values themselves, with at least so many at or below it', () => {
    fc.assert(
      fc.property(values, fc.integer({ min: 1, max: 100 }), (list, percent) => {
        const sorted = Float64Array.from(list).toSorted();
        const found = percentile(sorted, percent);
        const below = sorted.filter((value) => value <= found).length;
        const strictlyBelow = sorted.filter((value) => value < found).length;
        expect(below).toBeGreaterThanOrEqual((percent / 100) * sorted.length);
        expect(strictlyBelow).toBeLessThan(Math.max(1, (percent / 100) * sorted.length));
      }),
    );
  });

  it('has the rate of what was done alone, and keeps what failed apart', () => {
    const durationsMs = Float64Array.of(30, 10, 20);
    expect(figuresOf({ done: 3, failed: { '409': 2 }, wallMs: 1_500, durationsMs })).toEqual({
      ...{ done: 3, failed: { '409': 2 }, perSecond: 2 },
      ...{ p50Ms: 20, p95Ms: 30, p99Ms: 30 },
    });
  });

  it('has nothing to say of nothing, without dividing by it', () => {
    const nothing = { done: 0, failed: {}, wallMs: 0, durationsMs: new Float64Array() };
    expect(figuresOf(nothing)).toMatchObject({ perSecond: 0, p50Ms: 0, p99Ms: 0 });
    expect([median([]), spread([])]).toEqual([0, 0]);
  });

  it('takes the middle of rounds, and tells how far floors are apart', () => {
    expect([median([9, 1, 5]), median([4, 2])]).toEqual([5, 3]);
    expect([spread([400, 500]), spread([300])]).toEqual([0.25, 0]);
  });
});
