import { RewindWatch, TICK_INTERVAL_MS, TickWatch, type Timing, type WatchRole } from '@plumbline/registry';
import { describeWitness } from '../conformance/describe-witness.js';
import { FakeConsul, type FakeManners, type Fate } from './fake-consul.js';
import { createFakeRegistry, type FakeRegistry } from './fake-registry.js';
import { FakeWitness } from './fake-witness.js';
import { transactionOf } from './describe-kv.js';

/** A clock that stands still unless told to move; deadlines never pass. */
class HandClock implements Timing {
  ms = 0;
  nowMs = (): number => this.ms;
  after = (): (() => void) => () => undefined;
  soon = (call: () => void): void => void setImmediate(call);
}

/** Processes on one Consul, with witnesses that outlive it. */
class World {
  readonly consul = new FakeConsul();
  readonly timing = new HandClock();
  readonly ceph = new FakeWitness('ceph');
  readonly billing = new FakeWitness('billing');

  process(manners: FakeManners = {}): Promise<FakeRegistry> {
    return createFakeRegistry({ consul: this.consul, timing: this.timing, manners });
  }

  watch({ halts }: FakeRegistry, role: WatchRole = 'raises', witness = this.ceph): RewindWatch {
    return new RewindWatch({ halts, witness, role, timing: this.timing });
  }

  /** Rounds of these, one after the other, as long apart as in production. */
  async pass(rounds: number, ...watches: readonly RewindWatch[]): Promise<void> {
    for (let round = 0; round < rounds; round += 1) {
      this.timing.ms += TICK_INTERVAL_MS;
      for (const watch of watches) await watch.round().catch(() => undefined);
    }
  }

  tick(): number | null {
    const entry = this.consul.store.get('plumbline/tick');
    return entry === null ? null : (JSON.parse(entry.value) as { tick: number }).tick;
  }

  get isHalted(): boolean {
    return this.consul.store.get('plumbline/halt') !== null;
  }
}

const writeOf = (key: string) => transactionOf([{ verb: 'set', key, value: 'x' }]);

describeWitness('memory', () => new FakeWitness());

describe('a registry that may be set back', () => {
  it('ticks from the first start on, and no witness is ever ahead of it', async () => {
    const world = new World();
    const [one, two, bill] = [await world.process(), await world.process(), await world.process()];
    const watches = [world.watch(one), world.watch(two), world.watch(bill, 'keeps', world.billing)];
    await world.pass(1, ...watches);
    expect([world.tick(), world.ceph.kept]).toEqual([1, { tick: 1, halted: false }]);
    for (let round = 0; round < 20; round += 1) {
      await world.pass(1, ...watches.toSorted(() => (round % 3) - 1));
      for (const { kept } of [world.ceph, world.billing])
        expect(kept?.tick ?? 0).toBeLessThanOrEqual(world.tick() ?? 0);
    }
    expect(world.tick()).toBeGreaterThan(15);
    expect(world.billing.kept?.tick).toBeGreaterThan(10);
    expect(world.isHalted).toBe(false);
    expect(await watches[0]!.sure()).toBe(true);
  });

  it('stands still, and is sure of nothing, while its witness is away or takes nothing', async () => {
    const world = new World();
    const watch = world.watch(await world.process());
    await world.pass(3, watch);
    world.ceph.isAway = true;
    const before = world.tick();
    await world.pass(5, watch);
    expect([world.tick(), await watch.sure(), world.isHalted]).toEqual([before, false, false]);
    world.ceph.isAway = false;
    world.ceph.isFull = true;
    await world.pass(5, watch);
    expect(world.tick()! - world.ceph.kept!.tick).toBeLessThanOrEqual(1);
    world.ceph.isFull = false;
    await world.pass(3, watch);
    expect(world.tick()).toBeGreaterThan(before!);
  });

  it('is not taken for set back by an answer that a later one has overtaken', async () => {
    const world = new World();
    let held: Promise<void> | null = null;
    const answering = async (): Promise<void> => {
      const own = held;
      held = null;
      await own;
    };
    const watch = world.watch(await world.process({ answering }));
    await world.pass(3, watch);
    const before = world.tick()!;
    let letGo = (): void => undefined;
    held = new Promise((resolve) => (letGo = resolve));
    const sure = watch.sure();
    await new Promise((done) => setImmediate(done));
    expect(held).toBeNull();
    await world.pass(2, watch);
    expect(world.tick()).toBeGreaterThan(before);
    letGo();
    expect([await sure, world.isHalted]).toEqual([true, false]);
  });

  it.each(['restored', 'emptied'])('halts when it was %s, until an operator confirms it', async (how) => {
    const world = new World();
    const first = world.watch(await world.process());
    const bill = world.watch(await world.process(), 'keeps', world.billing);
    await world.pass(3, first, bill);
    const backup = how === 'restored' ? world.consul.store.snapshot() : new FakeConsul().store.snapshot();
    const backedUp = how === 'restored' ? world.tick() : null;
    await world.pass(10, first, bill);
    const [forgotten, remembered] = [world.tick()!, world.billing.kept!.tick];
    world.consul.store.restore(backup);

    // Processes that were started since: none of them has seen anything of it.
    const [worker, other, api] = [await world.process(), await world.process(), await world.process()];
    const watch = world.watch(worker);
    expect(await watch.sure()).toBe(false);
    expect(world.isHalted).toBe(true);
    await expect(other.kv.transact(writeOf('plumbline/x'))).rejects.toMatchObject({ reason: 'halted' });
    const keeper = world.watch(other, 'keeps', world.billing);
    await world.pass(5, watch, keeper);
    expect(world.tick()).toBe(backedUp);
    const { halt } = await api.halts.read();
    expect(halt!.witnesses['ceph']).toBeGreaterThanOrEqual(forgotten);
    expect(halt!.witnesses['billing']).toBeGreaterThanOrEqual(remembered);
    expect(await watch.sure()).toBe(false);

    const ended = await api.halts.confirm();
    expect(ended).toBeGreaterThan(forgotten);
    expect(await api.halts.confirm()).toBeNull();
    await world.pass(3, watch, keeper);
    expect([world.isHalted, world.ceph.kept, world.billing.kept?.halted]).toMatchObject([
      false,
      { halted: false, tick: world.tick() },
      false,
    ]);
    expect(await watch.sure()).toBe(true);
    expect(await other.kv.transact(writeOf('plumbline/x'))).toHaveProperty('committed');

    // So many versions as no record was ever given; known to who hears of the end, and to who starts later.
    const late = await world.process();
    await late.halts.ask();
    const floors = [other, late].map(({ halts }) => halts.revFloor);
    expect(floors).toEqual([ended! * 1_000_000, ended! * 1_000_000]);
  });

  it('stays halted when it is restored once more, even from a backup as new as can be', async () => {
    const world = new World();
    const watch = world.watch(await world.process());
    await world.pass(2, watch);
    const old = world.consul.store.snapshot();
    await world.pass(8, watch);
    world.ceph.isFull = true;
    await world.pass(2, watch);
    world.ceph.isFull = false;
    const newest = world.consul.store.snapshot();
    expect(world.tick()).toBe(world.ceph.kept!.tick + 1); // Raised, and the witness was not told yet.
    world.consul.store.restore(old);
    await world.pass(2, world.watch(await world.process()));
    expect(world.isHalted).toBe(true);
    world.consul.store.restore(newest);
    expect(world.isHalted).toBe(false);
    expect(await world.watch(await world.process()).sure()).toBe(false);
    expect(world.isHalted).toBe(true);
  });

  it('does not go on when the halt is taken away by anybody but who confirms it', async () => {
    const world = new World();
    const [own, api] = [await world.process(), await world.process()];
    await world.pass(3, world.watch(own));
    const { halt: key } = own.layout;
    world.consul.store.transact([{ verb: 'set', key, value: '"by hand"' }]);
    await own.halts.ask();
    world.consul.store.transact([{ verb: 'delete', key }]);
    await own.halts.ask();
    expect([world.isHalted, own.halts.known?.by]).toEqual([true, 'an operator']);
    expect(await api.halts.confirm()).toBeGreaterThan(0);
    await own.halts.ask();
    expect([world.isHalted, own.halts.known]).toEqual([false, null]);
  });

  it('is caught by the beats of who runs, where no witness is asked yet', async () => {
    const world = new World();
    const own = await world.process();
    await own.boots.beat();
    const backup = world.consul.store.snapshot();
    await own.boots.beat();
    expect(own.halts.known).toBeNull();
    world.consul.store.restore(backup);
    await own.boots.beat();
    expect(own.halts.known).toMatchObject({ by: 'test' });
    await own.halts.ask();
    expect(world.isHalted).toBe(true);
  });

  it('is not suspected for a beat that was given up and lands late', async () => {
    const world = new World();
    const fates: Fate[] = ['served', 'lands-late', 'served'];
    const own = await world.process({ fate: () => fates.shift() ?? 'served' });
    for (let beats = 0; beats < 3; beats += 1) await own.boots.beat();
    world.consul.landLate();
    for (let beats = 0; beats < 4; beats += 1) await own.boots.beat();
    expect([own.halts.known, world.isHalted]).toEqual([null, false]);
  });

  it('answers who asks whether it was set back by a look that was begun after the question', async () => {
    const world = new World();
    let answer = (): void => undefined;
    let isHeld = false;
    const held = new Promise<void>((resolve) => (answer = resolve));
    const answering: FakeManners['answering'] = ({ what }) => (what === 'read' && isHeld ? held : undefined);
    const own = await world.process({ answering });
    const watch = world.watch(own);
    await world.pass(3, watch);
    const backup = world.consul.store.snapshot();
    await world.pass(3, watch);
    isHeld = true;
    const asked = watch.sure();
    await new Promise((resolve) => setImmediate(resolve)); // It has read, and has not been answered.
    world.consul.store.restore(backup);
    const later = [watch.sure(), watch.sure()];
    answer();
    expect([await asked, ...(await Promise.all(later))]).toEqual([true, false, false]);
  });

  describe('and a process that has no witness of its own', () => {
    /** Asks whether the registry is sure, while others go on as long as it waits. */
    async function askedOf(world: World, others: () => Promise<void>): Promise<boolean> {
      const own = await world.process();
      const after = (ms: number, call: () => void): (() => void) => {
        world.timing.ms += ms;
        void others().then(call);
        return () => undefined;
      };
      return new TickWatch({ halts: own.halts, timing: { ...world.timing, after } }).sure();
    }

    it('is sure once the tick has risen under its eyes', async () => {
      const world = new World();
      const watch = world.watch(await world.process());
      await world.pass(3, watch);
      expect(await askedOf(world, () => world.pass(1, watch))).toBe(true);
    });

    it.each([
      ['nobody raises the tick', 'nobody'],
      ['it was set back before it asked', 'before'],
      ['it is set back while it asks', 'while'],
    ])('is not sure when %s', async (_title, when) => {
      const world = new World();
      const watch = world.watch(await world.process());
      await world.pass(3, watch);
      const backup = world.consul.store.snapshot();
      await world.pass(3, watch);
      if (when === 'before') world.consul.store.restore(backup);
      const others = async (): Promise<void> => {
        if (when === 'while') world.consul.store.restore(backup);
        if (when !== 'nobody') await world.pass(1, watch);
      };
      expect(await askedOf(world, others)).toBe(false);
      expect(world.isHalted).toBe(when !== 'nobody');
    });
  });
});
