import { RewindWatch } from '@plumbline/registry';
import { FAULTS, SIGHTS } from './faults.js';
import { runSeed } from './run.js';
import { LONG_SEED, scriptOf } from './script.js';
import type { Script, SeedSize } from './script.js';
import { shrink } from './shrink.js';
import type { Mistake } from './world.js';
import {
  SEEDS_FOR_KINDS,
  SEEDS_FOR_POINTS,
  Totals,
  firstDifference,
  isGood,
  shortOf,
  summaryOf,
  unreachedOf,
} from './totals.js';

const SEEDS = 24;
/** Many events, on a machine that is busy with other things. */
const TIME_MAX_MS = 120_000;
/** A seed that meets deaths, sleeps and lost replies. */
const EXAMPLE = 7;
/** One at whose end the registry is set back while somebody wants to take something away. */
const REWOUND = 8;
const REWOUND_MAX = 20;

describe('the system on a simulated network', () => {
  it(
    'keeps every invariant after every event, and agrees with all sources when faults have stopped',
    async () => {
      const totals = new Totals();
      for (let seed = 1; seed <= SEEDS; seed += 1) totals.add(await summaryOf(seed, 1));
      const { seeds, failure, counts, reached } = await totals.end({
        from: 1,
        seconds: 0,
        cpuSeconds: 0,
        shrinkMs: 0,
      });
      expect([seeds, failure]).toEqual([SEEDS, null]);
      expect(counts['twice']).toBeGreaterThan(0);
      expect(counts['acknowledged']! / SEEDS).toBeGreaterThan(15);
      expect(counts['faults']! / SEEDS).toBeGreaterThan(10);
      expect(counts['events']! / SEEDS).toBeGreaterThan(1000);
      for (const point of ['takeover', 'clearance'])
        expect(
          Object.entries(reached).filter(([sight, times]) => sight.endsWith(` at ${point}`) && times > 0),
        ).not.toEqual([]);
    },
    TIME_MAX_MS,
  );

  it('is told by its seed alone', async () => {
    const [one, same, other] = [await runSeed(EXAMPLE), await runSeed(EXAMPLE), await runSeed(EXAMPLE + 1)];
    expect(one.log.length).toBeGreaterThan(1000);
    expect(firstDifference(one.log, same.log)).toBeNull();
    expect(firstDifference(one.log, other.log)).toMatch(/^at event/);
    expect(scriptOf(EXAMPLE, LONG_SEED)).toEqual(scriptOf(EXAMPLE, LONG_SEED));
  });

  it('has nothing destroyed by the word of a registry that was set back, and goes on when a person has confirmed it', async () => {
    const { violation, reached } = await runSeed(REWOUND);
    expect(violation).toBeNull();
    for (const sight of ['registry-rewound', 'halt-declared', 'halt-confirmed'])
      expect([sight, reached.get(sight)]).toEqual([sight, 1]);
    const asItIs = Object.getOwnPropertyDescriptor(RewindWatch.prototype, 'sure')!;
    RewindWatch.prototype.sure = () => Promise.resolve(true);
    // Not in every one has somebody something to destroy in those seconds.
    let credulous: Mistake | null = null;
    for (let nth = 1; nth <= REWOUND_MAX && credulous === null; nth += 1)
      credulous = (await runSeed(nth * REWOUND)).violation;
    Object.defineProperty(RewindWatch.prototype, 'sure', asItIs);
    expect(credulous).toMatchObject({ invariant: 'A4' });
  });

  it('leaves out of a failing seed whatever its failure does not need', async () => {
    const violation = { invariant: 'V1', detail: 'a disk is attached', about: 'volume/none' };
    const plain = await runSeed(EXAMPLE, LONG_SEED, { asked: [], planned: [] });
    const run = (_seed: number, _size?: SeedSize, script?: Script) => {
      const fails = script!.asked.some(({ wish, vm }) => wish === 'attach' && vm === 1);
      return Promise.resolve({ ...plain, violation: fails ? violation : null });
    };
    const { script, timeline, runs } = await shrink(EXAMPLE, violation, { mostMs: TIME_MAX_MS, run });
    expect(script).toEqual([expect.stringMatching(/asks: attach .*"vm":1/)]);
    expect(runs).toBeGreaterThan(1);
    expect(timeline.join('\n')).toMatch(/begins as boot/);
  });

  it('fails a long run that never met a fault it is there for', () => {
    const all = Object.fromEntries(SIGHTS.map((sight) => [sight, 1]));
    const { 'worker-paused before commit': _one, ...butOnePoint } = all;
    const noPause = Object.fromEntries(
      Object.entries(all).filter(([sight]) => !sight.startsWith('worker-paused')),
    );
    expect(unreachedOf(all, SEEDS_FOR_POINTS)).toEqual([]);
    expect(unreachedOf(butOnePoint, SEEDS_FOR_KINDS)).toEqual([]);
    expect(unreachedOf(butOnePoint, SEEDS_FOR_POINTS)).toEqual(['worker-paused before commit']);
    expect(unreachedOf(noPause, SEEDS_FOR_KINDS)).toEqual(['worker-paused']);
    expect(unreachedOf({}, SEEDS_FOR_KINDS - 1)).toEqual([]);
    expect(isGood({ failure: null, unreached: ['worker-paused'], short: [] })).toBe(false);
    expect(FAULTS.length).toBeGreaterThan(150);
  });

  it('fails a long run that looked too seldom when it is hard, or found too little', () => {
    const enough = { looks: 100, looksNearLane: 50, looksDuringFault: 10, planted: 8, found: 2 };
    expect(shortOf(enough, SEEDS_FOR_KINDS)).toEqual([]);
    for (const part of ['looksNearLane', 'looksDuringFault', 'found'] as const) {
      const fewer = { ...enough, [part]: enough[part] - 1 };
      expect(shortOf(fewer, SEEDS_FOR_KINDS)).toHaveLength(1);
      expect(isGood({ failure: null, unreached: [], short: shortOf(fewer, SEEDS_FOR_KINDS) })).toBe(false);
      expect(shortOf(fewer, SEEDS_FOR_KINDS - 1)).toEqual([]);
    }
    expect(shortOf({}, SEEDS_FOR_KINDS)).toHaveLength(3);
  });
});
