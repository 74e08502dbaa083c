import { UncertainError } from '@plumbline/domain';
import fc from 'fast-check';
import { backoffMs } from '@plumbline/domain';
import { sleep, withDeadline } from './time.js';

describe('waiting', () => {
  it('sleeps until it is told to stop', async () => {
    const stop = new AbortController();
    const slept = sleep(60_000, stop.signal);
    stop.abort(new Error('enough'));
    await expect(slept).rejects.toThrow('enough');
    await expect(sleep(60_000, stop.signal)).rejects.toThrow('enough');
  });

  it('ends waiting at the deadline, and tells the call', async () => {
    let told = false;
    const late = withDeadline({ what: 'ping', deadlineMs: 5 }, (signal) => {
      signal.addEventListener('abort', () => (told = true));
      return new Promise(() => undefined);
    });
    await expect(late).rejects.toThrow(UncertainError);
    expect(told).toBe(true);
    expect(await withDeadline({ what: 'ping', deadlineMs: 1000 }, async () => 'pong')).toBe('pong');
  });

  it('ends waiting when the caller is told to stop', async () => {
    const stop = new AbortController();
    const call = { what: 'ping', deadlineMs: 60_000, signal: stop.signal };
    const waiting = withDeadline(call, () => new Promise(() => undefined));
    stop.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
  });
});

describe('back-off', () => {
  const anything = fc.record({
    tries: fc.integer({ min: 1, max: 100_000 }),
    baseMs: fc.integer({ min: 1, max: 10_000 }),
    capMs: fc.integer({ min: 1, max: 600_000 }),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
  });

  it('never waits longer than its cap or its doubled base, however many tries failed', () => {
    fc.assert(
      fc.property(anything, ({ share, ...rest }) => {
        const waitMs = backoffMs({ ...rest, random: () => share });
        expect(waitMs).toBeGreaterThanOrEqual(0);
        expect(waitMs).toBeLessThanOrEqual(Math.min(rest.capMs, rest.baseMs * 2 ** (rest.tries - 1)));
      }),
    );
  });

  it('spreads those who failed together over the whole span', () => {
    const at = (share: number) => backoffMs({ tries: 3, baseMs: 100, capMs: 1000, random: () => share });
    expect([at(0), at(0.5), at(1)]).toEqual([0, 200, 400]);
  });
});
