import { Breaker } from './breaker.js';

const policy = { failuresMax: 3, openMs: 1000, openMaxMs: 8000, trialMs: 5000, random: () => 0.5 };

function failed(breaker: Breaker, times: number, nowMs: number): void {
  for (let time = 0; time < times; time++) breaker.ended(true, nowMs);
}

describe('breaker', () => {
  it('opens after failures in a row, and by no others', () => {
    const breaker = new Breaker(policy);
    failed(breaker, 2, 0);
    breaker.ended(false, 0);
    failed(breaker, 2, 0);
    expect(breaker.state).toBe('closed');
    expect(breaker.ended(true, 0)).toBe(true);
    expect(breaker.state).toBe('open');
  });

  it('lets one through when its time has come, and the others when that ended well', () => {
    const breaker = new Breaker(policy);
    failed(breaker, 3, 0);
    expect(breaker.waitMs(900)).toBeGreaterThan(100);
    expect(breaker.waitMs(1000)).toBe(0);
    expect(breaker.state).toBe('trial');
    expect(breaker.waitMs(1000)).toBeGreaterThan(0);
    expect(breaker.ended(false, 1100)).toBe(true);
    expect(breaker.waitMs(1100)).toBe(0);
    expect(breaker.state).toBe('closed');
  });

  it('stays open longer each time its trial fails, up to a cap', () => {
    const breaker = new Breaker(policy);
    failed(breaker, 3, 0);
    let nowMs = 0;
    const openMs: number[] = [];
    for (let trial = 0; trial < 6; trial++) {
      const fromMs = nowMs;
      while (breaker.waitMs(nowMs) > 0) nowMs += 100;
      openMs.push(nowMs - fromMs);
      failed(breaker, 1, nowMs);
      expect(breaker.state).toBe('open');
    }
    expect(openMs).toEqual([1000, 2000, 4000, 8000, 8000, 8000]);
  });

  it('is not closed by what began before it opened, and not held for ever by a trial that never ends', () => {
    const breaker = new Breaker(policy);
    failed(breaker, 3, 0);
    breaker.ended(false, 10);
    expect(breaker.state).toBe('open');
    expect(breaker.waitMs(1000)).toBe(0);
    expect(breaker.waitMs(5900)).toBeGreaterThan(0);
    expect(breaker.waitMs(6000)).toBe(0);
  });
});
