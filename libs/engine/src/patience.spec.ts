import { BusyError, TransientError } from '@plumbline/domain';
import { patienceWith } from './patience.js';

/** As workers have it when nobody says otherwise. */
const policy = { deadlineMs: 10_000, triesMax: 14, backoffBaseMs: 200, backoffCapMs: 8_000 };
/** So long Ceph keeps the watch of a client that is dead. */
const WATCH_MS = 30_000;
const SOON_MS = 45_000;

/** How long a step that always fails so is tried, and what becomes of it. */
function tried(error: Error, random: () => number): { tries: number; forMs: number; reason: string } {
  for (let tries = 1, forMs = 0; ; tries += 1) {
    const { triesMax, delayMs, reason } = patienceWith({ policy, random }, error, tries);
    if (tries >= triesMax) return { tries, forMs, reason };
    forMs += delayMs;
  }
}

describe('patience', () => {
  it.each([0, 0.5, 0.999])(
    'tells of a stranger soon, but not before the watch of one who died has run out (%d)',
    (chance) => {
      const stranger = new BusyError('still in use by 10.0.0.9:0/77', { reason: 'stranger' });
      const { forMs, reason } = tried(stranger, () => chance);
      expect(reason).toBe('stranger');
      expect(forMs).toBeGreaterThan(WATCH_MS + 5_000);
      expect(forMs).toBeLessThan(SOON_MS);
    },
  );

  it.each([0, 0.999])('waits as long for what a step requires, and asks for it again soon (%d)', (chance) => {
    const unmet = new TransientError('is not as required', { reason: 'requirement' });
    const { forMs } = tried(unmet, () => chance);
    expect(forMs).toBeGreaterThan(WATCH_MS + 5_000);
    expect(forMs).toBeLessThan(SOON_MS);
    expect(patienceWith({ policy, random: () => chance }, unmet, 1).delayMs).toBeLessThan(1_000);
  });

  it('goes on with what may pass by itself for as many tries as are set', () => {
    const busy = new TransientError('busy', { reason: 'ceph-busy' });
    expect(tried(busy, () => 0.5)).toMatchObject({ tries: policy.triesMax, reason: 'tries-exhausted' });
  });
});
