import { goalsOf, togetherOf } from './goals.js';
import type { Results } from './results.js';

const nothing = {
  ...{ machine: { cpus: 2, node: '', loadBefore: 0 }, startMs: {} },
  rest: { memoryMb: {}, cpuMsPerSecond: {} },
} as unknown as Results;

describe('goals', () => {
  it('judges what was measured and is silent about the rest', () => {
    const memoryMb = { api: 169, 'ceph-worker-1': 151, scrubber: 100, consul: 60, 'ceph-osd': 5_000 };
    const goals = goalsOf({ ...nothing, rest: { memoryMb, cpuMsPerSecond: {} }, startMs: { api: 3_001 } });
    expect(goals.map(({ name, met }) => [name, met])).toEqual([
      ['memory of api', true],
      ['memory of ceph-worker-1', false],
      ['memory of scrubber', true],
      ['memory together', true],
      ['start of api', false],
    ]);
  });

  it('judges recovery by the worst, and what never came by as long as it was waited for', () => {
    const recovery = {
      backlog: {
        ...{ recordedPerSecond: 2_500, recordedP99Ms: 81, ratio: 0.5, outOfOrder: 1 },
        ...{ peakMb: { api: 200, 'ceph-worker-2': 251 }, behindMs: 1_900, aloneMs: 1_000 },
      },
      fairness: { besideFloodMs: 300, besideLoadMs: 100, largeShare: 0.5 },
      takeovers: { p99Ms: 12_000 },
      ...{ registry: { writtenMs: 2_000, bareMs: 1_900 }, vmDeathMs: 60_000 },
    } as unknown as Results['recovery'];
    const goals = goalsOf({ ...nothing, ...(recovery ? { recovery } : {}) });
    expect(goals.filter(({ met }) => !met).map(({ name }) => name)).toEqual([
      'recorded, p99',
      'drained out of order',
      'most memory of a process',
      'another beside thousands',
      'deleted after a VM’s death',
    ]);
  });

  it('judges takeovers measured alone as it does those of recovery', () => {
    const takeover = { p99Ms: 15_001 } as unknown as NonNullable<Results['takeover']>;
    const [goal] = goalsOf({ ...nothing, takeover });
    expect(goal).toMatchObject({ name: 'taken over, p99', met: false });
  });

  it('counts the apps with Consul, Redis and PostgreSQL together, and neither Ceph nor the load', () => {
    const each = {
      api: 1,
      'billing-worker-2': 2,
      consul: 4,
      redis: 8,
      postgres: 16,
      'ceph-osd': 32,
      load: 64,
    };
    expect(togetherOf(each)).toBe(31);
  });
});
