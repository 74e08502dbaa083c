import { FakeCephClient } from './fake-ceph-client.js';
import { FakePool } from './fake-pool.js';

/** What a client asks of the cluster, one effect each. */
export type CephCall =
  | 'look'
  | 'list'
  | 'open'
  | 'close'
  | 'write-name'
  | 'write-header'
  | 'grow'
  | 'note-in-trash'
  | 'drop-id'
  | 'drop-name'
  | 'remove'
  | 'purge'
  | 'restore'
  | 'rename'
  | 'write-id'
  | 'blocklist'
  | 'newest-map'
  | 'ping';

/** A request on its way to the cluster, or its reply on the way back. */
export interface CephMoment {
  readonly at: 'request' | 'reply';
  readonly call: CephCall;
  /** The image's key, or what else it is about. */
  readonly key: string;
  /** Whose call it is. */
  readonly address: string;
}

export interface FakeCephOptions {
  readonly pools: readonly string[];
  /**
   * Decides when a request or a reply arrives, by when it resolves, and whether it does: what it throws is what the
   * caller gets, without the effect at a request, after the effect at a reply. By default everything arrives at once.
   */
  pace?(moment: CephMoment): void | Promise<void>;
  /** For the trash's timestamps. */
  nowMs?(): number;
}

/** As the real adapter is told of boots. */
export type AddressOwner = 'living-boot' | 'condemned-boot' | 'nobody-known';

export interface FakeClientOptions {
  readonly ownerOf?: (address: string) => AddressOwner;
  readonly onBlocklisted?: () => void;
}

/**
 * A cluster in memory that many clients share, with the manners of the real one: what was sent lands, however late and
 * though its sender has stopped waiting or died; only the blocklist stops it. The watches of a dead client stay until they
 * lapse. It keeps no time and sets no timer: whoever plays with it decides when things happen.
 */
export class FakeCeph {
  readonly pools: ReadonlyMap<string, FakePool>;
  readonly blocklist = new Set<string>();
  /** Addresses of clients that died; what they had open is busy until it lapses or they are fenced. */
  readonly dead = new Set<string>();
  private clients = 0;
  private imagesMade = 0;
  private moments = 0;
  private heard: Promise<void> = Promise.resolve();

  constructor(private readonly options: FakeCephOptions) {
    this.pools = new Map(options.pools.map((name) => [name, new FakePool()]));
  }

  /** One process's client, with an address of its own. */
  connect(options: FakeClientOptions = {}): FakeCephClient {
    this.clients += 1;
    return new FakeCephClient(this, {
      address: `10.0.0.1:0/${1_000 + this.clients}`,
      ownerOf: options.ownerOf ?? (() => 'nobody-known'),
      onBlocklisted: options.onBlocklisted ?? (() => {}),
    });
  }

  /** Nobody is answered until the returned function is called; what was asked meanwhile lands then. */
  silence(): () => void {
    let heal: () => void = () => {};
    this.heard = new Promise((resolve) => (heal = resolve));
    return heal;
  }

  /** Keeps a request or a reply on its way. */
  async pass(moment: CephMoment): Promise<void> {
    await this.heard;
    await this.options.pace?.(moment);
  }

  nextImageId(): string {
    this.imagesMade += 1;
    return this.imagesMade.toString(16).padStart(12, '0');
  }

  nowMs(): number {
    this.moments += 1;
    return this.options.nowMs?.() ?? this.moments;
  }

  /** Nothing of that client lands any more, and its watches end at once. */
  fence(address: string): void {
    this.blocklist.add(address);
    this.lapse(address);
  }

  /** The watches of a client run out, as those of the dead do after half a minute. */
  lapse(address: string): void {
    this.dead.delete(address);
    for (const pool of this.pools.values()) {
      for (const imageId of pool.watchers.keys()) pool.unwatch(imageId, address);
    }
  }

  /** The pool and the name that a key means. */
  at(key: string): { pool: FakePool; name: string } {
    const slash = key.indexOf('/');
    const pool = this.pools.get(key.slice(0, slash));
    if (pool === undefined) throw new TypeError(`no pool for ${key}`);
    return { pool, name: key.slice(slash + 1) };
  }

  /** A VM, or any stranger, opens an image; false when it cannot, being fenced or without an image. */
  openBy(address: string, key: string): boolean {
    const { pool, name } = this.at(key);
    const opened = pool.opened(name);
    if (opened === null || this.blocklist.has(address)) return false;
    pool.watch(opened.imageId, address);
    return true;
  }

  closeBy(address: string, key: string): void {
    const { pool, name } = this.at(key);
    const opened = pool.opened(name);
    if (opened !== null) pool.unwatch(opened.imageId, address);
  }
}
