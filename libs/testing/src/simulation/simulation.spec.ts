import { firstDifference, isGood, runSeeds, SEEDS_FOR_ALL_SIGHTS } from './report.js';
import { runSeed } from './run.js';

const SEEDS = 15;
/** Many events, on a machine that is busy with other things. */
const TIME_MAX_MS = 120_000;
/** A seed that meets deaths, sleeps and lost replies. */
const EXAMPLE = 7;

describe('the system on a simulated network', () => {
  it(
    'keeps every invariant after every event, and agrees with all sources when faults have stopped',
    async () => {
      const totals = await runSeeds({ seeds: SEEDS, from: 1, msMax: Number.POSITIVE_INFINITY }, () => 0);
      expect([totals.seeds, totals.failure]).toEqual([SEEDS, null]);
      expect(totals.twice).toBeGreaterThan(0);
      expect(totals.acknowledged / SEEDS).toBeGreaterThan(15);
      expect(totals.events / SEEDS).toBeGreaterThan(1000);
    },
    TIME_MAX_MS,
  );

  it('is told by its seed alone', async () => {
    const [one, same, other] = [await runSeed(EXAMPLE), await runSeed(EXAMPLE), await runSeed(EXAMPLE + 1)];
    expect(one.log.length).toBeGreaterThan(1000);
    expect(firstDifference(one.log, same.log)).toBeNull();
    expect(firstDifference(one.log, other.log)).toMatch(/^at event/);
  });

  it('fails a long run that never met a fault it is there for', () => {
    const totals = {
      seeds: SEEDS_FOR_ALL_SIGHTS,
      from: 1,
      seconds: 1,
      events: 1,
      acknowledged: 1,
      parked: 0,
      kinds: {},
      reached: {},
      twice: 1,
      failure: null,
    };
    expect(isGood({ ...totals, unreached: [] })).toBe(true);
    expect(isGood({ ...totals, unreached: ['worker-paused'] })).toBe(false);
  });
});
