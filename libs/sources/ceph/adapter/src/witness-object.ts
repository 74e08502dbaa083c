/**
 * What the registry's tick was, kept in an attribute of one object of its own beside the images. It is written only over
 * what was read before, in one operation of the OSD: a write that lands late finds something newer, and does nothing.
 */
import { InvariantError } from '@plumbline/domain';
import type { Testimony, Witness } from '@plumbline/domain';
import type { CallGate } from './call-gate.js';
import type { Pool } from './pool.js';

const ATTRIBUTE = 'testimony';

/** The object's name: one for each registry that shares a cluster. */
export function witnessObjectOf(registryPrefix: string): string {
  return `registry-witness.${registryPrefix}`;
}

export class WitnessObject implements Witness {
  readonly name = 'ceph';

  constructor(
    private readonly pool: Pool,
    private readonly gate: CallGate,
    private readonly object: string,
  ) {}

  async read(signal: AbortSignal): Promise<Testimony | null> {
    const kept = await this.gate.beside({ what: 'read the witness', signal }, (turn) =>
      this.pool.xattrOf(turn, this.object, ATTRIBUTE),
    );
    return kept && parsed(kept);
  }

  replace(
    { before, after }: { before: Testimony | null; after: Testimony },
    signal: AbortSignal,
  ): Promise<boolean> {
    const bytes = { before: before && written(before), after: written(after) };
    return this.gate.beside({ what: 'write the witness', signal }, (turn) =>
      this.pool.replaceXattr(turn, { object: this.object, name: ATTRIBUTE }, bytes),
    );
  }
}

/** The same testimony is the same bytes: what is compared is these. */
function written({ tick, halted }: Testimony): Buffer {
  return Buffer.from(JSON.stringify({ tick, halted }));
}

function parsed(kept: Buffer): Testimony {
  try {
    const { tick, halted } = JSON.parse(kept.toString()) as Partial<Testimony>;
    if (typeof tick === 'number' && typeof halted === 'boolean') return { tick, halted };
  } catch {
    // Told below.
  }
  throw new InvariantError('the witness says what nobody of us wrote', { reason: 'ceph-witness' });
}
