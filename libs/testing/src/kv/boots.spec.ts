import type { AccountId, BootId } from '@plumbline/domain';
import { BootsView, LOOK_INTERVAL_MS, RegistryRequests, Takeover, type Timing } from '@plumbline/registry';
import { FakeConsul, type Fate } from './fake-consul.js';
import { createFakeRegistry, type FakeRegistry } from './fake-registry.js';
import { transactionOf } from './describe-kv.js';

const DAY_MS = 86_400_000;

/** A clock that stands still unless told to move; whatever is due at once is called at once. */
class HandClock implements Timing {
  ms = 0;
  nowMs = (): number => this.ms;
  after = (_delayMs: number, call: () => void): (() => void) => {
    const timer = setImmediate(call);
    return () => clearImmediate(timer);
  };
  soon = (call: () => void): void => void setImmediate(call);
}

class World {
  readonly consul = new FakeConsul();
  readonly timing = new HandClock();
  readonly fenced: string[] = [];
  readonly gone: BootId[] = [];
  readonly failed: unknown[] = [];

  process(fate: () => Fate = () => 'served', onFenced = () => undefined as void): Promise<FakeRegistry> {
    return createFakeRegistry({ consul: this.consul, timing: this.timing, manners: { fate }, onFenced });
  }

  view({ kv, layout, boots }: FakeRegistry): BootsView {
    return new BootsView({ kv, layout, own: boots, timing: this.timing });
  }

  takeover(
    { kv, layout, boots }: FakeRegistry,
    fence = (address: string) => void this.fenced.push(address),
  ): Takeover {
    return new Takeover({
      kv,
      layout,
      own: boots,
      fence: { address: 'own', fence: async (address) => fence(address) },
      sure: () => Promise.resolve(true),
      onGone: (boot) => this.gone.push(boot),
      onFailed: (_boot, error) => this.failed.push(error),
    });
  }

  /** Looks two seconds apart, each after a beat of those who are alive. */
  async pass(looks: number, view: BootsView, alive: readonly FakeRegistry[]): Promise<void> {
    for (let i = 0; i < looks; i++) {
      this.timing.ms += LOOK_INTERVAL_MS;
      for (const { boots } of alive) await boots.beat();
      await view.look();
    }
  }
}

describe('boots', () => {
  it('condemns the silent one alone, fences its client, and only then lets its keys go', async () => {
    const world = new World();
    const [observer, living, silent] = [await world.process(), await world.process(), await world.process()];
    await silent.boots.noteAddress('its-address');
    const view = world.view(observer);
    const takeover = world.takeover(observer, (address) => {
      world.fenced.push(address);
      expect(JSON.parse(world.consul.store.get(silent.layout.boot(silent.boot))!.value)).toMatchObject({
        state: 'fencing',
      });
    });
    await world.pass(4, view, [observer, living]);
    expect(view.condemned()).toEqual([]);
    await world.pass(1, view, [observer, living]);
    expect(view.condemned().map(({ boot }) => boot)).toEqual([silent.boot]);
    expect(await takeover.takeOver(view.condemned()[0]!)).toBe('gone');
    expect({ fenced: world.fenced, gone: world.gone }).toEqual({
      fenced: ['its-address'],
      gone: [silent.boot],
    });
    expect(world.consul.store.get(silent.layout.boot(silent.boot))).toBeNull();
    expect(world.consul.store.get(silent.layout.beat(silent.boot))).toBeNull();
    await view.look();
    expect([view.isGone(silent.boot), view.isGone(living.boot)]).toEqual([true, false]);
  });

  it('condemns by the fourth look after the one that saw the last beat, though looks take their time', async () => {
    const world = new World();
    const { timing } = world;
    timing.after = (delayMs, call) => {
      const timer = setImmediate(() => {
        timing.ms += delayMs;
        call();
      });
      return () => clearImmediate(timer);
    };
    const silent = await world.process();
    const observer = await world.process(() => {
      timing.ms += 30;
      return 'served';
    });
    const { kv, layout, boots } = observer;
    const condemned = await new Promise<(readonly BootId[])[]>((resolve) => {
      const looks: (readonly BootId[])[] = [];
      const onLooked = (view: BootsView) => {
        looks.push(view.condemned().map(({ boot }) => boot));
        if (looks.length < 5) return void boots.beat();
        view.stop();
        resolve(looks);
      };
      void new BootsView({ kv, layout, own: boots, timing, onLooked }).start();
    });
    expect(condemned).toEqual([[], [], [], [], [silent.boot]]);
  });

  it('leaves alone a boot that has beaten since it was condemned', async () => {
    const world = new World();
    const [observer, other] = [await world.process(), await world.process()];
    const view = world.view(observer);
    await world.pass(5, view, [observer]);
    const [condemned] = view.condemned();
    await other.boots.beat();
    expect(await world.takeover(observer).takeOver(condemned!)).toBe('alive');
    expect(world.consul.store.get(other.layout.boot(other.boot))!.value).toContain('"alive"');
  });

  it('fences again what somebody else has begun to fence, and finishes it', async () => {
    const world = new World();
    const [first, second, silent] = [await world.process(), await world.process(), await world.process()];
    await silent.boots.noteAddress('its-address');
    const dies = world.takeover(first, () => {
      throw new Error('killed while fencing');
    });
    await expect(dies.takeOver({ boot: silent.boot, beat: null })).rejects.toThrow('killed');
    const view = world.view(second);
    await view.look();
    expect(view.condemned()).toEqual([{ boot: silent.boot, beat: null }]);
    expect(await world.takeover(second).takeOver(view.condemned()[0]!)).toBe('gone');
    expect(world.fenced).toEqual(['its-address']);
  });

  it('keeps every write of a fenced boot from landing, and tells it so by its next beat', async () => {
    const world = new World();
    let exits = 0;
    const observer = await world.process();
    const silent = await world.process(undefined, () => void exits++);
    await world.takeover(observer).takeOver({ boot: silent.boot, beat: null });
    await silent.boots.beat();
    expect(exits).toBe(1);
    const write = silent.kv.transact(transactionOf([{ verb: 'set', key: 'late', value: 'x' }]));
    await expect(write).rejects.toMatchObject({ reason: 'unavailable' });
    expect(world.consul.store.keys(silent.layout.beats)).toEqual([observer.layout.beat(observer.boot)]);
    expect(exits).toBe(1);
  });

  it('condemns nobody and ends nobody while Consul is away', async () => {
    const world = new World();
    let fate: Fate = 'served';
    let exits = 0;
    const observer = await world.process(
      () => fate,
      () => void exits++,
    );
    const other = await world.process(() => fate);
    const view = world.view(observer);
    await world.pass(2, view, [observer, other]);
    fate = 'dropped';
    await world.pass(10, view, [observer, other]);
    expect([observer.boots.isBeating(), view.condemned(), exits]).toEqual([false, [], 0]);
    fate = 'served';
    await world.pass(3, view, [observer]);
    expect(view.condemned()).toEqual([]);
    await other.boots.beat();
    await world.pass(4, view, [observer, other]);
    expect([observer.boots.isBeating(), view.condemned(), exits]).toEqual([true, [], 0]);
  });

  it('goes on beating after a beat whose answer was lost', async () => {
    const world = new World();
    const fates: Fate[] = ['answer-lost', 'lands-late'];
    const own = await world.process(() => fates.shift() ?? 'served');
    for (let beats = 0; beats < 6; beats++) await own.boots.beat();
    world.timing.ms += 3_000;
    expect(own.boots.isBeating()).toBe(true);
    expect(JSON.parse(world.consul.store.get(own.layout.beat(own.boot))!.value)).toMatchObject({ beats: 6 });
  });

  it('does not call a boot gone that is younger than the last look', async () => {
    const world = new World();
    const observer = await world.process();
    const view = world.view(observer);
    await view.look();
    const young = await world.process();
    expect([view.isGone(young.boot), view.isGone('never-was' as BootId)]).toEqual([false, false]);
    await view.look();
    expect([view.isGone(young.boot), view.isGone('never-was' as BootId)]).toEqual([false, true]);
  });

  it('knows the registry’s time, wherever its own clock jumps, and keeps idempotency keys by it', async () => {
    const world = new World();
    const began = 1_800_000_000_000;
    world.consul.dateMs = began;
    let jumpMs = 0;
    const now = (): number => began + world.timing.ms + jumpMs;
    const { kv, layout, boots } = await createFakeRegistry({
      consul: world.consul,
      timing: world.timing,
      now,
    });
    const account = '5d2f0a1c-3b4e-4f60-8a7b-9c0d1e2f3a4b' as AccountId;
    const key = layout.request(account, 'key');
    const value = JSON.stringify({ bodyHash: '', volumeId: '', action: 1, at: boots.registryNow() });
    await kv.transact({ ops: [{ verb: 'cas', key, value, index: 0 }], proof: { key, landed: Boolean } });
    const requests = new RegistryRequests(kv, layout, () => boots.registryNow());
    for (const jump of [40 * DAY_MS, -40 * DAY_MS, 0]) {
      jumpMs = jump;
      world.timing.ms += 1000;
      expect(Math.abs(boots.registryNow() - began - world.timing.ms)).toBeLessThan(1_000);
      expect(await requests.find(account, 'key')).not.toBeNull();
    }
    world.timing.ms += DAY_MS;
    expect(await requests.find(account, 'key')).toBeNull();
  });

  it('leaves no key behind after a clean end', async () => {
    const world = new World();
    const own = await world.process();
    await own.boots.noteAddress('an-address');
    await own.close();
    expect(world.consul.store.keys('')).toEqual([]);
  });
});
