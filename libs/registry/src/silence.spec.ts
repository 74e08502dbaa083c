import type { BootId } from '@plumbline/domain';
import fc from 'fast-check';
import { SILENCE_LIMITS, SilenceWatch, type BeatReading } from './silence.js';

const BOOT = 'the-observed' as BootId;
const INTERVAL_MS = 2_000;

interface Look {
  readonly afterMs: number;
  readonly latencyMs: number;
  /** Where within the round trip the value was read. */
  readonly readAt: number;
  readonly befalls: 'nothing' | 'read fails' | 'own beat fails' | 'own beat hangs';
}

const look = (trouble: number): fc.Arbitrary<Look> =>
  fc.record({
    afterMs: fc.oneof(
      fc.integer({ min: 0, max: 100 }),
      fc.integer({ min: 0, max: 3_000 }),
      fc.integer({ min: 0, max: 6_000 }),
    ),
    latencyMs: fc.integer({ min: 0, max: 5_000 }),
    readAt: fc.double({ min: 0, max: 1, noNaN: true }),
    befalls: fc.oneof(
      { weight: 20, arbitrary: fc.constant<Look['befalls']>('nothing') },
      {
        weight: trouble,
        arbitrary: fc.constantFrom<Look['befalls']>('read fails', 'own beat fails', 'own beat hangs'),
      },
    ),
  });

interface Judged {
  readonly askedAtMs: number;
  readonly silent: boolean;
  readonly befalls: Look['befalls'];
}

/** Plays the looks of an observer against the instants at which the observed boot's beats land. */
function play(looks: readonly Look[], beatsAtMs: readonly number[]): readonly Judged[] {
  const watch = new SilenceWatch();
  let nowMs = 0;
  let failures = 0;
  return looks.map(({ afterMs, latencyMs, readAt, befalls }) => {
    const askedAtMs = nowMs + afterMs;
    nowMs = askedAtMs + latencyMs;
    if (befalls === 'own beat fails') failures += 1;
    const landedAtMs =
      befalls === 'own beat hangs' ? askedAtMs - SILENCE_LIMITS.ownBeatAgeMaxMs - 1 : askedAtMs;
    const seenAtMs = askedAtMs + latencyMs * readAt;
    const beat = String(beatsAtMs.filter((atMs) => atMs <= seenAtMs).length);
    const reading: BeatReading = {
      askedAtMs,
      answeredAtMs: nowMs,
      beats: new Map([[BOOT, beat]]),
      own: { failures, landedAtMs },
    };
    const silent = watch.observe(befalls === 'read fails' ? null : reading).has(BOOT);
    return { askedAtMs, silent, befalls };
  });
}

const beatsOf = (gapsMs: readonly number[]): readonly number[] => {
  let atMs = 0;
  return gapsMs.map((gapMs) => (atMs += gapMs));
};

describe('the silence of a boot', () => {
  it('is never seen in one whose beats land less than the silent span apart', () => {
    const longest = SILENCE_LIMITS.silentMs - 1;
    const gap = fc.oneof(
      fc.integer({ min: 1, max: longest }),
      fc.integer({ min: longest - 500, max: longest }),
    );
    const gaps = fc.array(gap, {
      minLength: 100,
      maxLength: 100,
    });
    fc.assert(
      fc.property(fc.array(look(1), { minLength: 10, maxLength: 40 }), gaps, (looks, gapsMs) => {
        const beatsAtMs = beatsOf(gapsMs);
        const judged = play(looks, beatsAtMs).filter(({ askedAtMs }) => askedAtMs < beatsAtMs.at(-1)!);
        expect(judged.some(({ silent }) => silent)).toBe(false);
      }),
      { numRuns: 500 },
    );
  });

  it('is never seen within the span after a failed read or an own beat that did not land', () => {
    fc.assert(
      fc.property(fc.array(look(4), { maxLength: 60 }), (looks) => {
        const judged = play(looks, []);
        judged.forEach(({ silent, askedAtMs }, i) => {
          if (!silent) return;
          const span = judged.filter(
            (other, j) => j <= i && askedAtMs - other.askedAtMs <= SILENCE_LIMITS.silentMs,
          );
          expect(span.every(({ befalls }) => befalls === 'nothing')).toBe(true);
          expect(
            judged.slice(i - SILENCE_LIMITS.readingsMin, i).every(({ befalls }) => befalls === 'nothing'),
          ).toBe(true);
        });
      }),
      { numRuns: 500 },
    );
  });

  it('is seen at the fifth undisturbed look, two seconds apart, and not before', () => {
    const steady: Look = { afterMs: INTERVAL_MS, latencyMs: 0, readAt: 0, befalls: 'nothing' };
    const judged = play(
      Array.from({ length: 6 }, () => steady),
      [],
    );
    expect(judged.map(({ silent }) => silent)).toEqual([false, false, false, false, true, true]);
  });
});
