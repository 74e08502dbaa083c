import { InvariantError } from '@plumbline/domain';
import type { Place } from '@plumbline/domain';
import type { CallGate, Turn } from './call-gate.js';
import type { Pool } from './pool.js';

/** The pools that this process was told of, and the gate that every call on them goes through. */
export class Pools {
  readonly all: readonly Pool[];

  constructor(
    private readonly byName: ReadonlyMap<string, Pool>,
    private readonly gate: CallGate,
  ) {
    this.all = [...byName.values()];
  }

  /** Works alone on one image, once every earlier call on it has ended. */
  async run<T>(
    place: Place,
    doing: string,
    signal: AbortSignal,
    work: (turn: Turn, at: { pool: Pool; image: string }) => Promise<T>,
  ): Promise<T> {
    const { key } = place;
    const at = this.parse(key);
    return this.gate.run({ key, what: `${doing} ${key}`, signal }, (turn) => work(turn, at));
  }

  /** Reads beside whatever is under way. */
  read<T>(what: string, signal: AbortSignal, work: (turn: Turn) => Promise<T>): Promise<T> {
    return this.gate.beside({ what, signal }, work);
  }

  idle(place: Place): Promise<void> {
    return this.gate.idle(place.key);
  }

  private parse(key: string): { pool: Pool; image: string } {
    const slash = key.indexOf('/');
    const pool = this.byName.get(key.slice(0, slash));
    if (slash < 0 || pool === undefined) {
      throw new InvariantError('a key names no pool of ours', { reason: 'ceph-pool', cause: key });
    }
    return { pool, image: key.slice(slash + 1) };
  }
}
