import { linesOf, verdictOf, type Stage } from './report.js';

const good: Stage = {
  name: 'create',
  tookMs: 81.6,
  findings: [
    { source: 'consul', says: 'record', expected: 'record' },
    { source: 'postgres', says: 'subscription', expected: 'subscription', tookMs: 310 },
  ],
};
const bad: Stage = {
  name: 'grow',
  tookMs: 1200,
  findings: [{ source: 'ceph', says: 'image of 1 GiB', expected: 'image of 2 GiB' }],
};

describe('the report of a demo', () => {
  it('aligns what the sources say, with the time of each stage and of each late answer', () => {
    expect(linesOf(good)).toEqual([
      '  create                               82 ms',
      '    consul    agrees    record',
      '    postgres  agrees    subscription   after 310 ms',
    ]);
  });

  it('names what a source should have said, beside what it says', () => {
    expect(linesOf(bad)[1]).toBe('    ceph      DIFFERS   image of 1 GiB   (expected: image of 2 GiB)');
  });

  it('claims that all agreed only when all did', () => {
    expect(verdictOf([good], 4200)).toBe('  All sources agreed at all 1 stages, in 4.2 s.');
    expect(verdictOf([good, bad], 4200)).toContain('NOT all agreed, in 4.2 s: ceph at "grow"');
  });
});
