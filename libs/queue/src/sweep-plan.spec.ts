import type { AccountId, ResourceName } from '@plumbline/domain';
import fc from 'fast-check';
import { planSweep } from './sweep-plan.js';
import type { SweepMarker, SweptLane } from './sweep-plan.js';

const lane = (over: Partial<SweptLane> = {}): SweptLane => ({
  resource: 'volume/a',
  queue: 'ceph',
  index: 5,
  account: 'a' as AccountId,
  isAhead: false,
  isParked: false,
  ...over,
});
const marked = (marker: SweepMarker) => new Map<ResourceName, SweepMarker>([['volume/a', marker]]);

describe('sweep', () => {
  it('gives a lane seen for the first time five seconds', () => {
    const plan = planSweep({ lanes: [lane()], markers: new Map(), areUnrung: false, nowMs: 1000 });
    expect(plan.ring).toEqual([]);
    expect(plan.note).toEqual(marked({ index: 5, rings: 0, atMs: 1000 }));
  });

  it.each([
    [0, 5],
    [1, 10],
    [2, 20],
    [3, 40],
    [4, 60],
    [900, 60],
  ])('after %i rings waits %i s for a change', (rings, seconds) => {
    const at = (nowMs: number) =>
      planSweep({
        lanes: [lane()],
        markers: marked({ index: 5, rings, atMs: 0 }),
        areUnrung: false,
        nowMs,
      });
    expect(at(seconds * 1000 - 600).ring).toHaveLength(0);
    expect(at(seconds * 1000 - 600).note.size).toBe(0);
    expect(at(seconds * 1000).ring).toEqual([
      { lane: lane(), marker: { index: 5, rings: rings + 1, atMs: seconds * 1000 } },
    ]);
  });

  it('begins anew when the lane changed', () => {
    const markers = marked({ index: 4, rings: 4, atMs: 0 });
    const plan = planSweep({ lanes: [lane()], markers, areUnrung: false, nowMs: 90_000 });
    expect(plan.ring).toEqual([]);
    expect(plan.note).toEqual(marked({ index: 5, rings: 0, atMs: 90_000 }));
  });

  it('rings when the clock went back, rather than wait for as long', () => {
    const markers = marked({ index: 5, rings: 0, atMs: 3_600_000 });
    expect(planSweep({ lanes: [lane()], markers, areUnrung: false, nowMs: 0 }).ring).toHaveLength(1);
  });

  it('never rings a parked lane, and forgets it and those that are gone', () => {
    const markers = new Map<ResourceName, SweepMarker>([
      ['volume/a', { index: 5, rings: 0, atMs: 0 }],
      ['volume/gone', { index: 1, rings: 0, atMs: 0 }],
    ]);
    for (const areUnrung of [true, false]) {
      const plan = planSweep({ lanes: [lane({ isParked: true })], markers, areUnrung, nowMs: 99_999 });
      expect(plan.ring).toEqual([]);
      expect(plan.note.size).toBe(0);
      expect(plan.forget).toEqual(['volume/a', 'volume/gone']);
    }
  });

  it('rings one account’s only lane before another’s second', () => {
    const flood = Array.from({ length: 1500 }, (_, n) => lane({ resource: `volume/${n}` }));
    const only = lane({ resource: 'volume/only', account: 'b' as AccountId });
    const lanes = [...flood, only];
    const { ring } = planSweep({ lanes, markers: new Map(), areUnrung: true, nowMs: 0 });
    expect(ring.slice(0, 2).map((one) => one.lane.resource)).toEqual(['volume/0', 'volume/only']);
  });

  it('rings at most a thousand, and first those that have waited longest', () => {
    const count = fc.integer({ min: 0, max: 1500 });
    fc.assert(
      fc.property(count, fc.boolean(), (lanesCount, areUnrung) => {
        const lanes = Array.from({ length: lanesCount }, (_, n) => lane({ resource: `volume/${n}` }));
        const markers = new Map(
          areUnrung
            ? []
            : lanes.map(({ resource }, n) => [resource, { index: 5, rings: 0, atMs: lanesCount - n }]),
        );
        const { ring } = planSweep({ lanes, markers, areUnrung, nowMs: 100_000 });
        expect(ring).toHaveLength(Math.min(1000, lanesCount));
        if (!areUnrung && lanesCount > 0) expect(ring[0]?.lane.resource).toBe(`volume/${lanesCount - 1}`);
      }),
      { numRuns: 30 },
    );
  });
});
