import { HeldError, RejectedError, TransientError, UncertainError } from '@plumbline/domain';
import type { Backend, Change, FacetName, Place } from '@plumbline/domain';
import { parseDiskKey } from '@plumbline/qemu-facets';
import { never } from './consul-link.js';
import type { SimulatedProcess } from './process.js';
import type { World } from './world.js';

/** How much longer than its deadline a call may take. */
const LATE_MS = 25_000;
const DEADLINE_MS = 10_000;
const GREETING_MS = 3_000;
const HELD_MS = 2_000;
const ARRIVES_SHARE = 0.5;
const LINGERS_SHARE = 0.5;
const HALF_MADE_SHARE = 0.9;

/**
 * A process's hands: the sources in memory behind request, effect and reply. A call that is given up goes on, its effect
 * may come late, and until it has ended `idle` waits for it, as the real adapters do.
 */
export class SourceLink {
  private readonly open = new Map<string, Set<Promise<unknown>>>();

  constructor(
    private readonly world: World,
    private readonly process: SimulatedProcess,
    private readonly source: 'ceph' | 'qemu',
  ) {}

  backends(): ReadonlyMap<FacetName, Backend> {
    const memory = this.world.sources.backendsOf(this.source);
    return new Map([...memory].map(([name, backend]) => [name, this.linked(backend)]));
  }

  private linked(backend: Backend): Backend {
    const changing = (what: 'apply' | 'undo') => (place: Place, change: Change, signal: AbortSignal) =>
      this.call(place, `${what} ${backend.facet.name}`, signal, true, () =>
        backend[what](place, change, signal),
      );
    return {
      facet: backend.facet,
      list: (signal) => backend.list(signal),
      observe: (place, signal) =>
        this.call(place, `observe ${backend.facet.name}`, signal, false, () =>
          backend.observe(place, signal),
        ),
      apply: changing('apply'),
      undo: changing('undo'),
      idle: async (place) => {
        const calls = this.open.get(place.key);
        while (calls !== undefined && calls.size > 0) await Promise.allSettled([...calls]);
      },
    };
  }

  private call<T>(
    place: Place,
    what: string,
    signal: AbortSignal,
    changes: boolean,
    run: () => Promise<T>,
  ): Promise<T> {
    if (this.process.state === 'dead') return never();
    const calls = this.open.get(place.key) ?? new Set();
    this.open.set(place.key, calls);
    const outcome = this.carry(place.key, what, changes, run);
    calls.add(outcome);
    const ended = (): boolean => calls.delete(outcome);
    outcome.then(ended, ended);
    return new Promise((resolve, reject) => {
      const giveUp = (): void => reject(new UncertainError(`${what}: no answer`, { reason: 'deadline' }));
      if (signal.aborted) return giveUp();
      signal.addEventListener('abort', giveUp, { once: true });
      outcome.then(resolve, reject);
    });
  }

  private async carry<T>(key: string, what: string, changes: boolean, run: () => Promise<T>): Promise<T> {
    const { world, process, source } = this;
    const { pool, random } = world;
    const onItsWay = { owner: null, what: `${process.name}: ${what}`, about: key };
    const mine = (how: string) => ({ owner: process, what: `${what} ${how}`, about: key });
    if (changes) process.mayBeStruck();
    const fault = changes ? world.faults.nextCall() : null;
    await pool.wait(
      fault === 'call-late' ? random.between(DEADLINE_MS, LATE_MS) : world.latencyMs(),
      onItsWay,
    );
    if (process.state === 'dead') {
      if (!this.arrives(key, what)) return await never();
      if (random.chance(LINGERS_SHARE)) await pool.wait(random.between(1, LATE_MS), onItsWay);
    }
    if (source === 'ceph' && world.blocklist.has(process.address)) {
      await pool.wait(world.latencyMs(), mine('meets the fence'));
      process.end('its client is blocklisted');
      return await never();
    }
    if (source === 'qemu' && !this.hasMonitor(key)) {
      world.faults.see('monitor-held');
      await pool.wait(GREETING_MS, mine('is not greeted'));
      throw new HeldError('the monitor does not greet', { reason: 'monitor-held', retryAfterMs: HELD_MS });
    }
    if (fault === 'call-refused-for-now' || fault === 'call-refused') {
      await pool.wait(world.latencyMs(), mine('is refused'));
      if (fault === 'call-refused') throw new RejectedError('refused', { reason: 'refused' });
      throw new TransientError('refused for now', { reason: 'busy' });
    }
    if (fault === 'call-lost') {
      await pool.wait(random.between(1_000, LATE_MS), mine('is given up'));
      throw new UncertainError('no answer', { reason: 'lost' });
    }
    const before = this.standing();
    const result = run().then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    );
    world.calls.push({ by: process, source, key, changed: before !== this.standing() });
    await pool.wait(
      fault === 'call-reply-lost' ? random.between(1_000, LATE_MS) : world.latencyMs(),
      mine('ends'),
    );
    const end = await result;
    if ('error' in end) throw end.error;
    if (fault === 'call-reply-lost') throw new UncertainError('no answer', { reason: 'lost' });
    return end.value;
  }

  /** What a process has sent before it died may arrive, wholly or in part. */
  private arrives(key: string, what: string): boolean {
    const { world } = this;
    if (world.random.chance(ARRIVES_SHARE)) {
      world.faults.see('applied-after-death');
      return true;
    }
    const isNew =
      what === 'apply ceph.image' && !world.sources.images.has(key) && !world.sources.trash.has(key);
    if (isNew && !world.blocklist.has(this.process.address) && world.random.chance(HALF_MADE_SHARE)) {
      world.faults.see('image-half-made');
      world.calls.push({ by: this.process, source: 'ceph', key, changed: true });
      world.sources.images.set(key, { imageId: `half-${key}`, state: 'half-made', sizeBytes: 0 });
    }
    return false;
  }

  /** The monitor greets one client; who has it keeps it until its process ends. */
  private hasMonitor(key: string): boolean {
    const { monitors } = this.world;
    const vm = String(parseDiskKey(key).vm);
    const holder = monitors.get(vm);
    if (holder !== undefined && holder !== this.process && holder.state !== 'dead') return false;
    // Of a process that is gone nothing is read any more once another was greeted.
    if (this.process.state === 'dead' && holder !== this.process) return false;
    monitors.set(vm, this.process);
    return true;
  }

  private standing(): string {
    const { images, nodes, devices } = this.world.sources;
    return JSON.stringify([...images, ...nodes, ...devices]);
  }
}
