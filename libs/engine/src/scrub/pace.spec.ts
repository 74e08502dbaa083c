import fc from 'fast-check';
import { ASKED_MS, UNKNOWN_LATENCY, WINDOW, adjusted, answered, floorOf, nextTurn } from './pace.js';

const budgets = fc.double({ min: 0.5, max: 100_000, noNaN: true });
const usual = fc.double({ min: ASKED_MS, max: 200, noNaN: true });

/** The pace after so many windows of answers that all took as long. */
function after(
  windows: number,
  ms: number,
  from: { perSecond: number; budget: number; latency: typeof UNKNOWN_LATENCY },
) {
  let { latency, perSecond } = from;
  for (let n = 0; n < windows * WINDOW; n += 1) {
    const { latency: next, risen } = answered(latency, ms);
    latency = next;
    if (risen !== null) perSecond = adjusted(perSecond, { budget: from.budget, risen });
  }
  return { ...from, perSecond, latency };
}

describe('the pace at which a source is asked', () => {
  it('is never above its budget and never below its floor, whatever the source does', () => {
    const answers = fc.array(fc.double({ min: 0, max: 60_000, noNaN: true }), { maxLength: 1_000 });
    fc.assert(
      fc.property(budgets, answers, (budget, all) => {
        let [latency, perSecond] = [UNKNOWN_LATENCY, budget];
        for (const ms of all) {
          const next = answered(latency, ms);
          latency = next.latency;
          if (next.risen !== null) perSecond = adjusted(perSecond, { budget, risen: next.risen });
          expect(perSecond).toBeLessThanOrEqual(budget);
          expect(perSecond).toBeGreaterThanOrEqual(floorOf(budget));
        }
      }),
    );
  });

  it('gives way to the floor while a source takes much longer, and comes back when it does not', () => {
    fc.assert(
      fc.property(budgets, usual, fc.double({ min: 3, max: 100, noNaN: true }), (budget, ms, times) => {
        const before = after(3, ms, { perSecond: budget, budget, latency: UNKNOWN_LATENCY });
        expect(before.perSecond).toBe(budget);
        const slow = after(5, ms * times + 10, before);
        expect(slow.perSecond).toBe(floorOf(budget));
        expect(after(20, ms, slow).perSecond).toBe(budget);
      }),
    );
  });

  it('takes a few slow answers for none, and what was read ahead for no answer', () => {
    fc.assert(
      fc.property(budgets, usual, fc.integer({ min: 0, max: WINDOW / 2 - 1 }), (budget, ms, slow) => {
        let [latency, perSecond] = [UNKNOWN_LATENCY, budget];
        for (let n = 0; n < 10 * WINDOW; n += 1) {
          for (const tookMs of [n % WINDOW < slow ? 60_000 : ms, 0]) {
            const next = answered(latency, tookMs);
            latency = next.latency;
            if (next.risen !== null) perSecond = adjusted(perSecond, { budget, risen: next.risen });
          }
        }
        expect(perSecond).toBe(budget);
      }),
    );
  });

  it('takes for usual after a day what at first was slow', () => {
    const before = after(1, 5, { perSecond: 100, budget: 100, latency: UNKNOWN_LATENCY });
    expect(after(2_000, 50, before).perSecond).toBe(100);
  });

  it('lets no more be asked in any time than its rate allows, and its whole rate if asked enough', () => {
    const asked = fc.array(
      fc.record({ things: fc.integer({ min: 1, max: 16 }), idleMs: fc.integer({ min: 0, max: 500 }) }),
      { minLength: 1, maxLength: 200 },
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10_000 }), asked, (perSecond, all) => {
        let [nowMs, dueMs, count, idleMs] = [0, 0, 0, 0];
        for (const each of all) {
          nowMs += each.idleMs;
          idleMs += each.idleMs;
          const turn = nextTurn(dueMs, { nowMs, perSecond, things: each.things });
          nowMs += turn.waitMs;
          dueMs = turn.dueMs;
          expect(count).toBeLessThanOrEqual((nowMs / 1000) * perSecond + 1e-6);
          count += each.things;
        }
        expect(nowMs - idleMs).toBeLessThanOrEqual((count / perSecond) * 1000);
      }),
    );
  });
});
