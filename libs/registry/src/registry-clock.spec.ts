import * as fc from 'fast-check';
import { RegistryClock, heardBy } from './registry-clock.js';
import { processTiming, type Timing } from './timing.js';
import type { KvTransport } from './transport.js';

const NOON = 1_800_000_000_000;
const DAY_MS = 86_400_000;

/** A machine and a Consul, each with a clock of its own; nothing passes unless it is told to. */
class World {
  ms = 0;
  /** How far Consul's clock, and this machine's wall clock, are from noon. */
  consulMs = 0;
  wallMs = 0;
  ended = 0;
  readonly timing: Timing = { ...processTiming, nowMs: () => this.ms };
  readonly clock = new RegistryClock({
    timing: this.timing,
    wall: () => Math.floor(NOON + this.ms + this.wallMs),
    onAhead: () => void this.ended++,
  });

  get consulNow(): number {
    return NOON + this.ms + this.consulMs;
  }

  /** One answer: so long on its way there, and so long back. */
  async ask(thereMs = 1, backMs = 1): Promise<void> {
    const transport: Pick<KvTransport, 'transact'> = {
      transact: async () => {
        this.ms += thereMs;
        const dateMs = Math.floor(this.consulNow / 1_000) * 1_000;
        this.ms += backMs;
        return { results: [], dateMs };
      },
    };
    await heardBy(this.clock, this.timing, transport as KvTransport).transact([]);
  }
}

describe('the registry’s clock', () => {
  it('is never further off than an answer’s seconds and way allow, never goes back, and knows no wall clock', async () => {
    const answer = fc.record({
      pauseMs: fc.double({ min: 0, max: 5_000, noNaN: true }),
      thereMs: fc.double({ min: 0, max: 800, noNaN: true }),
      backMs: fc.double({ min: 0, max: 800, noNaN: true }),
      wallMs: fc.constantFrom(0, 3_600_000, -40 * DAY_MS, 40 * DAY_MS),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(answer, { minLength: 1, maxLength: 40 }), async (answers) => {
        const world = new World();
        let last = 0;
        for (const { pauseMs, thereMs, backMs, wallMs } of answers) {
          world.ms += pauseMs;
          world.wallMs = wallMs;
          await world.ask(thereMs, backMs);
          const now = world.clock.now();
          expect(now).toBeLessThanOrEqual(world.consulNow);
          expect(now).toBeGreaterThanOrEqual(world.consulNow - (1_000 + 1_600) - 1);
          expect(now).toBeGreaterThanOrEqual(last);
          last = now;
        }
        expect([world.clock.isKnown, world.ended]).toEqual([true, 0]);
      }),
    );
  });

  it('gets closer with each answer', async () => {
    const world = new World();
    for (let answers = 0; answers < 200; answers++) {
      world.ms += 37;
      await world.ask();
    }
    expect(Math.abs(world.clock.now() - world.consulNow)).toBeLessThanOrEqual(30);
  });

  it('has only this machine’s clock before the first answer, and says that it knows nothing', async () => {
    const world = new World();
    world.wallMs = 40 * DAY_MS;
    expect([world.clock.isKnown, world.clock.now()]).toEqual([false, NOON + 40 * DAY_MS]);
    await world.ask();
    expect(world.clock.isKnown).toBe(true);
    expect(Math.abs(world.clock.now() - world.consulNow)).toBeLessThan(1_000);
  });

  it('follows when Consul’s clock is set forward', async () => {
    const world = new World();
    await world.ask();
    world.consulMs = DAY_MS;
    await world.ask();
    expect(Math.abs(world.clock.now() - world.consulNow)).toBeLessThan(1_000);
  });

  it('stands still when it is set back a little, until it is caught up with', async () => {
    const world = new World();
    await world.ask();
    const before = world.clock.now();
    world.consulMs = -5_000;
    await world.ask();
    expect(world.clock.now()).toBe(before);
    world.ms += 10_000;
    await world.ask();
    expect(Math.abs(world.clock.now() - world.consulNow)).toBeLessThan(1_000);
    expect([world.clock.isKnown, world.ended]).toEqual([true, 0]);
  });

  it('ends the process, once, when it is set back further, and meanwhile is not to be believed', async () => {
    const world = new World();
    await world.ask();
    const before = world.clock.now();
    world.consulMs = -DAY_MS;
    await world.ask();
    await world.ask();
    expect([world.clock.isKnown, world.ended]).toEqual([false, 1]);
    expect(world.clock.now()).toBe(before);
  });
});
