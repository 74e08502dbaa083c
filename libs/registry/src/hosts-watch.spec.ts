import type { HostName } from '@plumbline/domain';
import { HostsWatch } from './hosts-watch.js';

const HOST = 'host-a' as HostName;
const NOBODY: ReadonlySet<HostName> = new Set();

/** Looks every two seconds, as production does, from one instant to another. */
function look(watch: HostsWatch, fromMs: number, toMs: number, living = NOBODY): void {
  for (let atMs = fromMs; atMs <= toMs; atMs += 2_000)
    watch.observe({ askedAtMs: atMs, answeredAtMs: atMs + 5, living });
}

describe('hosts that are away', () => {
  it('are those that nobody has lived on for a minute of unbroken looking', () => {
    const watch = new HostsWatch();
    look(watch, 0, 10_000, new Set([HOST]));
    look(watch, 12_000, 70_000);
    expect(watch.isAway(HOST)).toBe(false);
    look(watch, 72_000, 74_000);
    expect(watch.isAway(HOST)).toBe(true);
    look(watch, 76_000, 76_000, new Set([HOST]));
    expect(watch.isAway(HOST)).toBe(false);
  });

  it('are given up when they have been away for longer than anybody waits, and are back with the first who lives there', () => {
    const watch = new HostsWatch(100_000);
    look(watch, 0, 0, new Set([HOST]));
    look(watch, 2_000, 98_000);
    expect([watch.isAway(HOST), watch.isGivenUp(HOST)]).toEqual([true, false]);
    look(watch, 100_000, 102_000);
    expect([watch.isAway(HOST), watch.isGivenUp(HOST)]).toEqual([true, true]);
    look(watch, 104_000, 104_000, new Set([HOST]));
    expect([watch.isAway(HOST), watch.isGivenUp(HOST)]).toEqual([false, false]);
  });

  it('are never those of which nothing is known for as long: an observer that has just begun condemns no host', () => {
    const watch = new HostsWatch();
    expect(watch.isAway(HOST)).toBe(false);
    look(watch, 1_000_000, 1_058_000);
    expect(watch.isAway(HOST)).toBe(false);
  });

  it.each(['failed', 'slept'])('are not away because the observer %s', (why) => {
    const watch = new HostsWatch();
    look(watch, 0, 58_000);
    if (why === 'failed') watch.observe(null);
    expect(watch.isAway(HOST)).toBe(false);
    look(watch, why === 'failed' ? 60_000 : 3_600_000, why === 'failed' ? 110_000 : 3_650_000);
    expect(watch.isAway(HOST)).toBe(false);
  });
});
