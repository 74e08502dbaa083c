import { createMetrics } from '@plumbline/platform';
import { Leader } from '../src/leading.js';
import type { LeaderPorts } from '../src/leading.js';
import { Watchdog } from '../src/watchdog.js';

const nothing = (): void => undefined;
const ends: (() => void)[] = [];
afterEach(() => ends.splice(0).forEach((end) => end()));

function leader(more: Partial<LeaderPorts> = {}) {
  const ended = new AbortController();
  let exited: (code: number) => void = nothing;
  const exit = new Promise<number>((resolve) => (exited = resolve));
  const ports: LeaderPorts = {
    log: { info: nothing, warn: nothing, error: nothing, fatal: nothing },
    metrics: createMetrics({ app: 'test', name: 'test' }),
    leadership: { hold: () => Promise.resolve(true) },
    signal: ended.signal,
    isHalted: () => false,
    forget: nothing,
    exit: (code) => exited(code),
    ...more,
  };
  ends.push(() => ended.abort());
  return { leader: new Leader(ports, { tickMs: 1 }), exit, end: () => ended.abort() };
}

describe('who leads', () => {
  it.each<[string, Partial<LeaderPorts>]>([
    ['in a round', {}],
    ['in asking whether it leads', { leadership: { hold: () => new Promise(nothing) } }],
  ])(
    'ends its process when it hangs %s, for it beats and nobody would take the lead',
    async (_where, more) => {
      const hanging = leader(more);
      const rounds = [
        hanging.leader.rounds('pass', 1, () => new Promise(nothing)),
        hanging.leader.rounds('sweep', 1, () => Promise.resolve()),
      ];
      expect(rounds).toHaveLength(2);
      expect(await hanging.exit).toBe(1);
      hanging.end();
    },
  );

  it('begins nothing while the registry is halted, or another leads, and forgets what it knew of before a halt', async () => {
    let [forgot, halted, leads, rounds] = [0, true, false, 0];
    const one = leader({
      isHalted: () => halted,
      leadership: { hold: () => Promise.resolve(leads) },
      forget: () => void (forgot += 1),
    });
    const done = one.leader.rounds('pass', 1, () => {
      rounds += 1;
      one.end();
      return Promise.resolve();
    });
    expect([forgot, rounds, one.leader.isLeading]).toEqual([1, 0, false]);
    halted = false;
    leads = true;
    await done;
    expect([rounds, one.leader.isLeading]).toEqual([1, true]);
  });
});

describe('a watchdog', () => {
  it('barks when nothing has come further for so many ticks, and never while nothing is under way', () => {
    const dog = new Watchdog(3);
    const ticks = (count: number) => Array.from({ length: count }, () => dog.tick());
    expect(ticks(10)).not.toContain(true);
    dog.begin();
    for (let n = 0; n < 10; n += 1) {
      expect(ticks(2)).toEqual([false, false]);
      dog.progress();
    }
    expect(ticks(3)).toEqual([false, false, true]);
    dog.end();
    dog.progress();
    expect(ticks(10)).not.toContain(true);
  });
});
