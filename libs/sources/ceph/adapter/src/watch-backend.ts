import { InvariantError } from '@plumbline/domain';
import type { AnyFacet, Applied, Backend, Json, Place } from '@plumbline/domain';
import { cephWatch } from '@plumbline/ceph-facets';
import { plainAddress } from './addresses.js';
import type { Turn } from './call-gate.js';
import type { Pools } from './pools.js';

/**
 * The facet `ceph.watch`: who has an image open, besides ourselves. It is looked at through an opening for reading, which
 * sets no watch of its own. Nobody makes or ends a watch from here.
 */
export class WatchBackend implements Backend {
  readonly facet: AnyFacet = cephWatch;

  constructor(
    private readonly pools: Pools,
    private readonly of: {
      isOurs(address: string): boolean;
      /** Those of these clients that are not fenced: a watch may outlive its client. */
      exceptFenced(turn: Turn, addresses: readonly string[]): Promise<readonly string[]>;
    },
  ) {}

  observe(place: Place, signal: AbortSignal): Promise<Json> {
    return this.pools.run(place, 'list the watchers of image', signal, async (turn, { pool, image }) => {
      const opened = await pool.look(turn, image);
      if (opened === null) return null;
      const others = opened.watchers.filter((address) => !this.of.isOurs(address)).map(plainAddress);
      const addresses = await this.of.exceptFenced(turn, others);
      return { addresses: [...new Set(addresses)].sort() };
    });
  }

  /** A watch comes and goes with what opened the image, and is looked for only where an image is known to be. */
  async *list(): AsyncGenerator<never> {}

  apply(): Promise<Applied> {
    return Promise.reject(notOurs());
  }

  undo(): Promise<Applied> {
    return Promise.reject(notOurs());
  }

  idle(place: Place): Promise<void> {
    return this.pools.idle(place);
  }
}

function notOurs(): InvariantError {
  return new InvariantError('a watch is not ours to change', { reason: 'ceph-watch' });
}
