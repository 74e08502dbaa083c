import type { Backend, FacetName, Fence, Source, SourceClient, Witness } from '@plumbline/domain';
import { fenceableAddress, plainAddress } from './addresses.js';
import type { AddressOwner } from './connect.js';
import { CallGate, untilAborted } from './call-gate.js';
import type { Turn } from './call-gate.js';
import { ImageBackend } from './image-backend.js';
import { listTrash } from './image-listing.js';
import type { TrashedImage } from './image-listing.js';
import type { Cluster, Memory, Native } from './native.js';
import type { Pool } from './pool.js';
import { Pools } from './pools.js';
import { trashSource } from './trash-source.js';
import { WatchBackend } from './watch-backend.js';
import { WitnessObject } from './witness-object.js';

/** How long closing waits for open calls before it leaves them, and librados, to the end of the process. */
const CLOSE_MS = 5_000;

export interface CephClient extends SourceClient, Fence {
  /** What was deleted and can still be restored. */
  listTrash(signal: AbortSignal): AsyncIterable<TrashedImage>;
  /** The same under names of ours, as the scrubber walks it. */
  readonly trash: Source;
  /** What this cluster remembers of the registry. */
  readonly witness: Witness;
}

interface Parts {
  readonly native: Native;
  readonly cluster: Cluster;
  /** This process's own RADOS address. */
  readonly address: string;
  readonly pools: ReadonlyMap<string, Pool>;
  readonly settings: {
    readonly features: number;
    readonly trashDelaySeconds: number;
    readonly callsMax: number;
    readonly fenceSeconds: number;
    readonly witnessObject: string;
    ownerOf(address: string): AddressOwner;
  };
  /** Throws for a negative answer. */
  readonly expectDone: (answer: number, what: string) => void;
}

/** Pacific answers two lists in one, one behind the other, which is no JSON: of clients, and of whole ranges. */
const BLOCKLISTED = /"addr":\s*"([^"]+)"/g;

/** Makes its call at once, whoever else is waiting. */
const AT_ONCE: Turn = { call: (native) => native(), release: (native) => native() };

export class Connection implements CephClient {
  readonly name = 'ceph';
  readonly address: string;
  readonly facets: ReadonlyMap<FacetName, Backend>;
  readonly trash: Source;
  readonly witness: Witness;
  private readonly gate: CallGate;
  private readonly pools: Pools;
  private pinging: Promise<unknown> | undefined;

  constructor(private readonly parts: Parts) {
    const { settings } = parts;
    this.address = parts.address;
    this.gate = new CallGate(settings.callsMax);
    this.pools = new Pools(parts.pools, this.gate);
    this.trash = trashSource(this.pools);
    const [pool] = this.pools.all;
    if (pool === undefined) throw new TypeError('a connection to Ceph needs a pool');
    this.witness = new WitnessObject(pool, this.gate, settings.witnessObject);
    const ownerOf = (address: string): AddressOwner => {
      const plain = plainAddress(address);
      return plain === this.address ? 'living-boot' : settings.ownerOf(plain);
    };
    const fence = (turn: Turn, address: string) => this.blocklist(turn, address);
    const exceptFenced = (turn: Turn, addresses: readonly string[]) => this.exceptFenced(turn, addresses);
    const isOurs = (address: string) => ownerOf(address) === 'living-boot';
    const backends: Backend[] = [
      new ImageBackend(this.pools, { ...settings, ownerOf, fence, exceptFenced }),
      new WatchBackend(this.pools, { isOurs, exceptFenced }),
    ];
    this.facets = new Map(backends.map((backend) => [backend.facet.name, backend]));
  }

  /** One at a time, and not behind other calls: more of them would only pile up when nobody answers. */
  async ping(signal: AbortSignal): Promise<void> {
    this.pinging ??= Promise.all(this.pools.all.map((pool) => pool.ping(AT_ONCE))).finally(() => {
      this.pinging = undefined;
    });
    await untilAborted(this.pinging, 'ping Ceph', signal);
  }

  catchUp(signal: AbortSignal): Promise<void> {
    const { native, cluster, expectDone } = this.parts;
    const what = 'wait for the newest OSD map';
    return this.gate.beside({ what, signal }, async (turn) => {
      expectDone(await turn.call(() => native.waitForLatestMap(cluster)), what);
    });
  }

  async fence(address: string, signal: AbortSignal): Promise<void> {
    const what = `fence ${fenceableAddress(address)}`;
    await this.gate.beside({ what, signal }, (turn) => this.blocklist(turn, address));
  }

  private async blocklist(turn: Turn, address: string): Promise<void> {
    const { native, cluster, settings, expectDone } = this.parts;
    const fenced = fenceableAddress(address);
    const what = `fence ${fenced}`;
    expectDone(await turn.call(() => native.blocklistAdd(cluster, fenced, settings.fenceSeconds)), what);
    expectDone(await turn.call(() => native.waitForLatestMap(cluster)), what);
  }

  /**
   * Those of them that may still do something. A watch that reaches its OSD together with the map that fences its client
   * was seen to be listed for as long as the OSD lives, with nobody behind it: so the monitor is asked who is fenced. Its word
   * may be ahead of an OSD, so that the newest map is waited for, as behind every fence.
   */
  private async exceptFenced(turn: Turn, addresses: readonly string[]): Promise<readonly string[]> {
    if (addresses.length === 0) return [];
    const { native, cluster, expectDone } = this.parts;
    const output: [Memory | null] = [null];
    const status: [Memory | null] = [null];
    const [outputBytes, statusBytes]: [[number | null], [number | null]] = [[0], [0]];
    const command = JSON.stringify({ prefix: 'osd blocklist ls', format: 'json' });
    const answer = await turn.call(() =>
      native.monCommand(cluster, [command], 1, null, 0, output, outputBytes, status, statusBytes),
    );
    const text = native.takeText(output[0], outputBytes[0] ?? 0);
    native.takeText(status[0], statusBytes[0] ?? 0);
    expectDone(answer, 'list who is fenced');
    const fenced = new Set([...text.matchAll(BLOCKLISTED)].map(([, address = '']) => plainAddress(address)));
    const others = addresses.filter((address) => !fenced.has(plainAddress(address)));
    if (others.length < addresses.length)
      expectDone(await turn.call(() => native.waitForLatestMap(cluster)), 'wait for the newest OSD map');
    return others;
  }

  listTrash(signal: AbortSignal): AsyncIterable<TrashedImage> {
    return listTrash(this.pools, signal);
  }

  /** When calls hang beyond the limit, librados is left as it is: only the end of the process ends them. */
  async close(): Promise<void> {
    const ended = Promise.allSettled([this.gate.close(), this.pinging]).then(() => true);
    if (!(await within(CLOSE_MS, ended))) return;
    for (const pool of this.pools.all) await pool.destroy();
    await this.parts.native.shutdown(this.parts.cluster);
  }
}

async function within(ms: number, ended: Promise<boolean>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  try {
    return await Promise.race([ended, late]);
  } finally {
    clearTimeout(timer);
  }
}
