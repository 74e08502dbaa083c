import { setImmediate as turn } from 'node:timers/promises';
import { repeat } from './effort.js';

describe('repeating an operation', () => {
  it('gives every operation a number of its own, and never has more in flight than it may', async () => {
    const seen: number[] = [];
    let open = 0;
    let openMost = 0;
    const { done, durationsMs } = await repeat({ countMax: 100, msMax: Infinity, inFlight: 7 }, async (n) => {
      seen.push(n);
      openMost = Math.max(openMost, ++open);
      await turn();
      open -= 1;
      return null;
    });
    expect(seen.toSorted((one, other) => one - other)).toEqual(Array.from({ length: 100 }, (_, n) => n));
    expect([done, durationsMs.length, openMost]).toEqual([100, 100, 7]);
  });

  it('ends with the time, and counts failures by what they were instead of timing them', async () => {
    const effort = { countMax: 1_000_000, msMax: 30, inFlight: 2 };
    const { done, failed, durationsMs } = await repeat(effort, async (n) => {
      await turn();
      return n % 2 === 0 ? null : 'refused';
    });
    expect(done).toBeLessThan(1_000_000);
    expect(durationsMs).toHaveLength(done);
    expect(Math.abs((failed['refused'] ?? 0) - done)).toBeLessThanOrEqual(2);
  });
});
