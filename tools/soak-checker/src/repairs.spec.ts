import { readRegistry } from './registry-shapes.js';
import { judgeRepairs } from './repairs.js';

const died = { line: 'fault', id: 1, kind: 'kill-vm', target: 'vm-1', what: 'begin' } as const;
const repair = (more: object) => ({
  ...{ account: 'a', resource: 'volume/v', intent: 'i', kind: 'k', type: 'repair_disk', params: {} },
  ...{ status: 'completed', startedAt: 20_000, completedAt: 20_001, revAfter: 4, n: 1, ...more },
});

/** What is found wrong of these repairs, when a VM died at these instants. */
function judged(deaths: readonly number[], repairs: readonly object[]): readonly string[] {
  const entries = repairs.map((one, at) => [`internal-actions/a/${at}`, repair(one)] as const);
  const faults = deaths.map((at) => ({ ...died, at }));
  return judgeRepairs(faults, readRegistry(new Map(entries))).map(({ rule, what }) => `${rule} ${what}`);
}

describe('repairs in a soak', () => {
  it('are right where a VM died before each, also when one had to be tried again', () => {
    expect(judged([10_000], [{}])).toEqual([]);
    expect(judged([10_000], [{ status: 'errored', startedAt: 15_000 }, {}])).toEqual([]);
    expect(judged([10_000, 30_000], [{}, { startedAt: 40_000 }])).toEqual([]);
    expect(judged([], [{ type: 'purge_volume' }])).toEqual([]);
  });

  it('are false where nothing had died yet, or not so often, or of what no death harms', () => {
    expect(judged([], [{}])).toEqual(['A3 action 1 repairs a disk, and no VM had died']);
    expect(judged([40_000], [{}])).toHaveLength(1);
    expect(judged([10_000], [{}, { n: 2, startedAt: 40_000 }])).toEqual([
      'A3 action 2 repairs its disk for the 2. time, and VMs had died 1 times',
    ]);
    for (const status of ['completed', 'errored'])
      expect(judged([10_000], [{ type: 'repair_image', status }])).toEqual([
        'A3 action 1, repair_image, repairs what no fault has harmed',
      ]);
  });
});
