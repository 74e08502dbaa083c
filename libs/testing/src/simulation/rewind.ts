import type { Lane, Witness } from '@plumbline/domain';
import { RewindWatch } from '@plumbline/registry';
import type { WatchRole } from '@plumbline/registry';
import type { StoreSnapshot } from '../kv/fake-store.js';
import { FakeWitness } from '../kv/fake-witness.js';
import { lanesToGoOn } from './agreement.js';
import { broken } from './judgement.js';
import type { SimulatedProcess } from './process.js';
import type { Change } from './register.js';
import { isInternal } from './scrubbing.js';
import type { Mistake, World } from './world.js';

/** When the backup is taken, and for how long everything is halted before a person has looked. */
const BACKUP_MS = 8_000;
const CONFIRMED_MS = 15_000;
const LOOKED_EVERY_MS = 5_000;
/** By then whoever lives has seen that the registry was set back, or that it was confirmed. */
const NOTICED_MS = 20_000;
/** And by then somebody has gone on. */
const GOES_ON_MS = 60_000;
/** Long enough for a pass, and for the repairs of all that the registry has forgotten. */
const SCRUBBED_MS = 25_000;
/** What holds whatever the registry has forgotten. */
const STILL_HOLD: ReadonlySet<string> = new Set(['A4', 'B3', 'B4']);

/**
 * A4: a registry that is restored from a backup of long ago. It has forgotten what it acknowledged, so of the other
 * promises none is looked at from then on; but nothing is destroyed by its word, and nothing written but the halt, until a
 * person says that it is to be believed. Then everybody goes on.
 */
export class Rewind {
  private readonly witness = new FakeWitness();
  private backup: StoreSnapshot | null = null;
  private rewoundMs: number | null = null;
  private haltedMs: number | null = null;
  private confirmedMs: number | null = null;
  private isAsked = false;
  private wentOn = false;

  constructor(private readonly world: World) {
    world.pool.after(BACKUP_MS, { owner: null, what: 'a backup is taken' }, () => {
      this.backup = world.consul.store.snapshot();
    });
  }

  /** A process's own watch, by a witness that it asks over the network. */
  async watch(process: SimulatedProcess, role: WatchRole): Promise<RewindWatch> {
    const { registry, timing } = process.watching();
    const watch = new RewindWatch({ halts: registry.halts, witness: this.reachedBy(process), role, timing });
    await watch.start();
    return watch;
  }

  /** False: no witness knows more than that backup does, so nobody could see it. */
  setBack(): boolean {
    const { backup, world } = this;
    const { layout, consul, faults, pool } = world;
    const stored = backup?.entries.get(layout.tick);
    const tick = stored === undefined ? 0 : (JSON.parse(stored.value) as { tick: number }).tick;
    if (backup === null || tick === 0 || (this.witness.kept?.tick ?? 0) <= tick) return false;
    consul.store.restore(backup);
    world.register.readAll();
    world.scrubbing.forgets();
    this.rewoundMs = pool.nowMs;
    pool.note('nemesis', 'the registry is restored from a backup');
    faults.see('registry-rewound');
    return true;
  }

  /** A process was told whether the registry is known not to have been set back. */
  answered(process: SimulatedProcess, askedMs: number, isSure: boolean): void {
    const { rewoundMs, confirmedMs, world } = this;
    if (rewoundMs === null || askedMs <= rewoundMs || confirmedMs !== null) return;
    if (isSure) world.mistake('A4', `${process.name} is sure of a registry that was set back`);
    else world.faults.see('unsure-waited');
  }

  get isBegun(): boolean {
    return this.rewoundMs !== null;
  }

  isOver(): boolean {
    const { confirmedMs, wentOn, world } = this;
    const isHalted = world.processes.some((process) => process.state === 'running' && process.isHalted());
    const isLookedAt = confirmedMs !== null && world.pool.nowMs - confirmedMs > SCRUBBED_MS;
    return isLookedAt && !isHalted && (wentOn || lanesToGoOn(world).length === 0);
  }

  /** What is looked at after each event from then on. */
  broken(changes: readonly Change[]): Mistake | null {
    const { world, rewoundMs } = this;
    const { nowMs } = world.pool;
    const mistake = world.mistakes.find(({ invariant }) => STILL_HOLD.has(invariant));
    if (mistake !== undefined || rewoundMs === null) return mistake ?? null;
    const changed = changes.find(({ what }) => what !== 'boots');
    const isHalted = world.consul.store.get(world.layout.halt) !== null;
    if (isHalted && this.haltedMs === null) this.halted();
    if (!isHalted && this.haltedMs !== null && this.confirmedMs === null) {
      if (!this.isAsked) return broken('A4', 'the halt ended, and no operator was asked');
      this.confirmedMs = nowMs;
      world.faults.see('halt-confirmed');
    }
    if (isHalted && changed !== undefined && this.confirmedMs === null)
      return broken(
        'A4',
        `${changed.what} changed while everything was halted`,
        `volume/${changed.key.slice(-36)}`,
      );
    const filed = changes
      .map((change) => newIntent(change))
      .find((kind) => kind !== null && isInternal(world, kind));
    // What lands before anybody can know waits in its lane, and destroys nothing unless a witness is sure.
    if (filed !== undefined && this.haltedMs !== null)
      return broken('A4', `${filed} was filed by the word of a registry that was set back`);
    if (this.confirmedMs !== null) this.wentOn ||= changed !== undefined;
    if (this.haltedMs === null && nowMs - rewoundMs > NOTICED_MS)
      return broken('A4', 'nobody has seen that the registry was set back');
    // What is left may all wait for a host that is away.
    if (
      !this.wentOn &&
      this.confirmedMs !== null &&
      nowMs - Math.max(this.confirmedMs, world.hostBackMs) > GOES_ON_MS
    )
      return broken('A4', 'the halt is confirmed, and nobody goes on');
    return null;
  }

  private halted(): void {
    const { pool, faults } = this.world;
    this.haltedMs = pool.nowMs;
    faults.see('halt-declared');
    pool.after(CONFIRMED_MS, { owner: null, what: 'an operator looks' }, () => this.confirm());
  }

  /** Whoever is asked may end meanwhile. */
  private confirm(): void {
    const { world } = this;
    if (this.confirmedMs !== null) return;
    this.isAsked = true;
    const [api] = world.alive('api').filter(({ ready }) => ready);
    if (api !== undefined) {
      world.pool.note('operator', 'confirms the registry');
      void api
        .watching()
        .registry.halts.confirm()
        .catch(() => null); // Looked at again, whatever it said.
    }
    world.pool.after(LOOKED_EVERY_MS, { owner: null, what: 'an operator looks' }, () => this.confirm());
  }

  private reachedBy(process: SimulatedProcess): Witness {
    const { witness, world } = this;
    const reach = async (): Promise<void> => {
      await process.waitFor(process.latencyMs(), 'asks a witness');
      while (world.ceph.silent !== null) await world.ceph.silent;
    };
    return {
      name: witness.name,
      read: async () => {
        await reach();
        return await witness.read();
      },
      replace: async (change) => {
        await reach();
        return await witness.replace(change);
      },
    };
  }
}

/** The kind of what was just recorded; null: nothing was. */
function newIntent({ what, before, after }: Change): string | null {
  if (what !== 'lanes') return null;
  const entry = (after as Lane | null)?.entries.at(-1);
  const known = (before as Lane | null)?.entries ?? [];
  return entry === undefined || known.some(({ intent }) => intent === entry.intent) ? null : entry.kind;
}
