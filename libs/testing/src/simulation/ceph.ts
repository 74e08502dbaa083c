import type { ImageSeen } from '@plumbline/ceph-facets';
import type { CallFault } from './faults.js';
import { never } from './consul-link.js';
import type { SimulatedProcess } from './process.js';
import { SeededRandom } from './random.js';
import type { World } from './world.js';

const OSDS = 8;
/** How long an OSD may take to learn of a newer map by itself. */
const MAP_LAG_MS = 20_000;
const ARRIVES_SHARE = 0.6;
const LINGERS_SHARE = 0.8;
/** How much later than usual an operation may be applied. */
const LATE_MS = 25_000;
const DEADLINE_MS = 10_000;
/** A dead client's watch stays until the OSD gives it up, or its client is blocklisted. */
const WATCH_MS = 30_000;

/** What stands under an image's name: its header alone makes it open. */
export interface StoredImage {
  readonly imageId: string;
  readonly sizeBytes: number;
  readonly state: 'open' | 'half-made';
}

/** A client that is not a process of ours: a VM's block node, or a stranger. */
export interface Watcher {
  readonly address: string;
  /** Null: it lives. */
  readonly diedAtMs: number | null;
}

/** A map that cuts a client off, and when each OSD learns of it by itself. */
interface NewMap {
  readonly epoch: number;
  readonly learnedMs: readonly number[];
}

/** Who sends an operation. */
export interface RadosClient {
  readonly address: string;
  /** The newest map that it has seen; its operations carry it. */
  epoch: number;
}

/**
 * Ceph as its clients meet it. One map, which the monitor makes and the OSDs learn later: a client is cut off where an OSD
 * knows the map that says so, and an operation that carries a newer map makes the OSD wait for that one first. An image is
 * made and trashed in two operations each, and a client may die, sleep or be cut off between them.
 */
export class SimulatedCeph {
  readonly images = new Map<string, StoredImage>();
  readonly trash = new Map<string, StoredImage>();
  /** Who has an image open for a VM, by image. */
  readonly watchers = new Map<string, Watcher[]>();
  /** Images that were changed since the invariants looked last. */
  readonly touched = new Set<string>();
  /** While it is silent: resolves when it answers again. */
  silent: Promise<void> | null = null;
  private speaks: () => void = () => undefined;
  private made = 0;
  private epoch = 1;
  private readonly blocklisted = new Map<string, number>();
  private readonly maps: NewMap[] = [];
  /** The newest map that an operation has forced each OSD to. */
  private readonly forced = Array.from({ length: OSDS }, () => 1);
  private readonly random: SeededRandom;

  constructor(private readonly world: World) {
    this.random = SeededRandom.of(world.seed, 'ceph');
  }

  fallSilent(): void {
    this.silent ??= new Promise((resolve) => {
      this.speaks = () => {
        this.silent = null;
        resolve();
      };
    });
  }

  speak(): void {
    this.speaks();
  }

  put(key: string, image: StoredImage | null): void {
    if (image === null) this.images.delete(key);
    else this.images.set(key, image);
    this.touched.add(key);
  }

  toTrash(key: string, image: StoredImage): void {
    this.trash.set(key, { ...image, state: 'open' });
    this.touched.add(key);
  }

  /** What is removed for good is no image's name any more. */
  purged(key: string): void {
    this.world.faults.see('image-purged');
    this.touched.add(key);
  }

  /** Whoever has it open has it by its internal id, and keeps it. */
  rename(from: string, to: string): void {
    const image = this.images.get(from);
    if (image === undefined) return;
    this.put(from, null);
    this.put(to, image);
    this.watchers.set(to, this.watchers.get(from) ?? []);
    this.watchers.delete(from);
  }

  /** What its name does not lead to, by its internal id. */
  elsewhere(imageId: string): ImageSeen | null {
    const places = [
      ['renamed', this.images],
      ['trashed', this.trash],
    ] as const;
    for (const [state, all] of places)
      for (const [key, image] of all)
        if (image.imageId === imageId) return { ...image, state, name: key.slice(key.indexOf('/') + 1) };
    return null;
  }

  newImageId(): string {
    return `image-${(this.made += 1)}`;
  }

  seen(key: string): ImageSeen | null {
    const image = this.images.get(key);
    if (image !== undefined) return image;
    const trashed = this.trash.get(key);
    return trashed === undefined ? null : { ...trashed, state: 'trashed' };
  }

  /** The monitor makes a new map; the OSDs learn of it when they do. */
  blocklist(address: string): void {
    const epoch = (this.epoch += 1);
    if (!this.blocklisted.has(address)) this.blocklisted.set(address, epoch);
    // A VM that has such a client open goes on having what it can no longer use.
    for (const { id, nodes } of this.world.machines)
      for (const [name, node] of nodes)
        if (node.address === address) this.world.causes.add(this.world.volumeOf(`${id}/${name}`), 'qemu');
    const { nowMs } = this.world.pool;
    const learnedMs = Array.from({ length: OSDS }, () => nowMs + this.random.between(0, MAP_LAG_MS));
    this.maps.push({ epoch, learnedMs });
  }

  /** By the monitor's own word: whatever that client sends is refused, or will be. */
  isFenced(address: string): boolean {
    return this.isCutOff(address, this.epoch);
  }

  get newestEpoch(): number {
    return this.epoch;
  }

  watch(key: string, address: string): void {
    this.watchers.set(key, [...(this.watchers.get(key) ?? []), { address, diedAtMs: null }]);
  }

  unwatch(key: string, address: string): void {
    const others = (this.watchers.get(key) ?? []).filter((watcher) => watcher.address !== address);
    this.watchers.set(key, others);
  }

  /** Who lives, and who died so lately that nobody has noticed. */
  watching(key: string): readonly string[] {
    const { nowMs } = this.world.pool;
    const all = this.watchers.get(key) ?? [];
    const known = all.filter(
      ({ address, diedAtMs }) =>
        (diedAtMs === null || nowMs - diedAtMs < WATCH_MS) && !this.isCutOff(address, this.epoch),
    );
    return known.map(({ address }) => address);
  }

  /** One operation reaches the OSD that has that image. False: its sender is cut off there. */
  admits({ address }: RadosClient, key: string, sentEpoch: number): boolean {
    const osd = osdOf(key);
    if (sentEpoch > this.knownTo(osd)) {
      this.forced[osd] = sentEpoch;
      this.world.faults.see('map-forced');
    }
    const known = this.knownTo(osd);
    if (this.isCutOff(address, known)) return false;
    if (this.isCutOff(address, this.epoch)) this.world.faults.see('map-was-old');
    return true;
  }

  /** Whether the OSD that has that image would carry out what that client sends. */
  wouldAdmit(address: string, key: string): boolean {
    return !this.isCutOff(address, this.knownTo(osdOf(key)));
  }

  /** The OSD shares its map with whom it answers. */
  answer(client: RadosClient, key: string): void {
    client.epoch = Math.max(client.epoch, this.knownTo(osdOf(key)));
  }

  private isCutOff(address: string, epoch: number): boolean {
    const since = this.blocklisted.get(address);
    return since !== undefined && since <= epoch;
  }

  /** The newest map that an OSD has. */
  private knownTo(osd: number): number {
    const { nowMs } = this.world.pool;
    const learned = this.maps.findLast(({ learnedMs }) => (learnedMs[osd] ?? nowMs) <= nowMs);
    return Math.max(this.forced[osd] ?? 1, learned?.epoch ?? 1);
  }
}

/**
 * A process's RADOS client. Each operation is a request, its application and a reply. What was sent by a process that died
 * or sleeps may be under way for long, and is applied when it arrives, unless its client is cut off there by then.
 */
export class ProcessClient implements RadosClient {
  epoch = 1;

  constructor(
    private readonly world: World,
    private readonly process: SimulatedProcess,
    readonly address: string,
  ) {}

  /** @param fault what befalls this one */
  async operate<T>(by: {
    key: string;
    what: string;
    attempt: number;
    fault: CallFault | null;
    changes: boolean;
    serve: () => T;
  }): Promise<T> {
    const { world, process } = this;
    const { ceph, pool } = world;
    const { key, what, fault } = by;
    if (process.state === 'dead') return never();
    const sentEpoch = this.epoch;
    const mine = { owner: process, what: `${what} ends`, about: key };
    await this.travel(key, what, fault);
    while (ceph.silent !== null) await ceph.silent;
    if (!ceph.admits(this, key, sentEpoch)) {
      world.faults.see('refused-by-fence');
      await pool.wait(process.latencyMs(), { ...mine, what: `${what} meets the fence` });
      process.end('its client is blocklisted');
      return await never();
    }
    world.operated({ by: process, attempt: by.attempt, source: 'ceph', key, changes: by.changes });
    if (by.changes) this.expectBehindFence(by.attempt, key);
    const result = by.serve();
    await pool.wait(
      fault === 'call-reply-lost' ? process.random.between(DEADLINE_MS, LATE_MS) : process.latencyMs(),
      mine,
    );
    ceph.answer(this, key);
    return result;
  }

  async catchUp(): Promise<void> {
    const { world, process } = this;
    await world.pool.wait(process.latencyMs(), {
      owner: null,
      what: `${process.name}: asks for the newest map`,
    });
    const newest = world.ceph.newestEpoch;
    await world.pool.wait(process.latencyMs(), { owner: process, what: `has map ${newest}` });
    this.epoch = Math.max(this.epoch, newest);
  }

  /** As the adapter fences: the monitor is told, and the newest map is waited for. */
  async fence(address: string): Promise<void> {
    if (this.process.state === 'dead') return never();
    await this.travel(address, `blocklists ${address}`, null);
    this.world.ceph.blocklist(address);
    await this.catchUp();
  }

  /** C4: where an intent that was taken from a boot has its effect, nothing of that boot is taken any more, however late. */
  private expectBehindFence(attempt: number, key: string): void {
    const { world, process } = this;
    for (const former of world.register.takenFrom(attempt)) {
      const from = world.processes.find(({ boot }) => boot === former);
      if (from?.role !== 'ceph' || !world.ceph.wouldAdmit(from.address, key)) continue;
      const what = `${process.name} changed ${key} where what ${from.name} has sent may still land`;
      world.mistake('C4', what, `volume/${world.volumeOf(key)}`);
    }
  }

  private async travel(key: string, what: string, fault: CallFault | null): Promise<void> {
    const { world, process } = this;
    const { pool, faults } = world;
    const { random } = process;
    const onItsWay = { owner: null, what: `${process.name}: ${what}`, about: key };
    await pool.wait(
      fault === 'call-late' ? random.between(DEADLINE_MS, LATE_MS) : process.latencyMs(),
      onItsWay,
    );
    if (process.state === 'running') return;
    if (process.state === 'dead' && !random.chance(ARRIVES_SHARE)) return await never();
    if (random.chance(LINGERS_SHARE)) await pool.wait(random.between(1, LATE_MS), onItsWay);
    faults.see(process.state === 'dead' ? 'applied-after-death' : 'applied-while-paused');
  }
}

function osdOf(key: string): number {
  return key.charCodeAt(key.length - 1) % OSDS;
}
