import { cephImage, cephWatch } from '@plumbline/ceph-facets';
import type { ImageSeen } from '@plumbline/ceph-facets';
import { InvariantError } from '@plumbline/domain';
import type { Backend, FacetName, Fence, Place, SourceClient } from '@plumbline/domain';
import { FakeCalls } from './fake-calls.js';
import type { AddressOwner, FakeCeph } from './fake-ceph.js';
import { FakeImages, lookAt } from './fake-image.js';

const ADDRESS = /^[0-9.]+:\d+\/[1-9]\d*$/;

/** One process's client of the fake cluster. */
export class FakeCephClient implements SourceClient, Fence {
  readonly name = 'ceph';
  readonly address: string;
  readonly facets: ReadonlyMap<FacetName, Backend>;
  private readonly calls: FakeCalls;

  constructor(
    private readonly ceph: FakeCeph,
    settings: { address: string; ownerOf(address: string): AddressOwner; onBlocklisted(): void },
  ) {
    this.address = settings.address;
    this.calls = new FakeCalls(ceph, settings.address, () => settings.onBlocklisted());
    const ownerOf = (address: string) =>
      address === this.address ? 'living-boot' : settings.ownerOf(address);
    this.facets = new Map<FacetName, Backend>([
      [cephImage.name, new FakeImages(ceph, this.calls, ownerOf)],
      [cephWatch.name, watches(ceph, this.calls, (address) => ownerOf(address) === 'living-boot')],
    ]);
  }

  ping(signal: AbortSignal): Promise<void> {
    return this.calls.beside('ping', '', signal, () => {});
  }

  catchUp(signal: AbortSignal): Promise<void> {
    return this.calls.beside('newest-map', '', signal, () => {});
  }

  async fence(address: string, signal: AbortSignal): Promise<void> {
    if (!ADDRESS.test(address)) {
      throw new InvariantError('was asked to fence what is no RADOS address', { reason: 'ceph-address' });
    }
    await this.calls.beside('blocklist', address, signal, () => {
      this.ceph.fence(address);
    });
    await this.catchUp(signal);
  }

  async *listTrash(
    signal: AbortSignal,
  ): AsyncGenerator<Place & { readonly seen: ImageSeen; readonly deletedAtMs: number }> {
    for (const [poolName, pool] of this.ceph.pools) {
      const entries = await this.calls.beside('list', poolName, signal, () => [...pool.trash].sort());
      for (const [imageId, { name, deletedAtMs }] of entries) {
        const sizeBytes = pool.headers.get(imageId) ?? 0;
        yield { key: `${poolName}/${name}`, seen: { imageId, sizeBytes, state: 'trashed' }, deletedAtMs };
      }
    }
  }

  /** The process dies: what it has sent lands, its watches stay, and nothing else comes of it. */
  kill(): void {
    this.calls.kill();
    this.ceph.dead.add(this.address);
  }

  async close(): Promise<void> {
    this.calls.kill();
    this.ceph.lapse(this.address);
  }
}

function watches(ceph: FakeCeph, calls: FakeCalls, isOurs: (address: string) => boolean): Backend {
  const refused = () =>
    Promise.reject(new InvariantError('a watch is not ours to change', { reason: 'ceph-watch' }));
  return {
    facet: cephWatch,
    observe: ({ key }, signal) =>
      calls.inLine(key, signal, (line) =>
        line.call('look', () => {
          const seen = lookAt(ceph, key);
          if (seen?.state !== 'open') return null;
          return { addresses: line.pool.watchersOf(seen.imageId).filter((address) => !isOurs(address)) };
        }),
      ),
    async *list() {},
    apply: refused,
    undo: refused,
    idle: ({ key }) => calls.idle(key),
  };
}
