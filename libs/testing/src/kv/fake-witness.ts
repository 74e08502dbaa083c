import { TransientError } from '@plumbline/domain';
import type { SourceName, Testimony, Witness } from '@plumbline/domain';

/** What outlives a registry, in memory; one for any number of processes. */
export class FakeWitness implements Witness {
  kept: Testimony | null = null;
  /** Nobody reaches it. */
  isAway = false;
  /** It answers questions and takes nothing, as a full one. */
  isFull = false;

  constructor(readonly name: SourceName = 'ceph') {}

  async read(): Promise<Testimony | null> {
    this.#reach();
    return this.kept;
  }

  async replace({ before, after }: { before: Testimony | null; after: Testimony }): Promise<boolean> {
    this.#reach();
    if (this.isFull) throw new TransientError('writing a fake witness', { reason: 'fake-full' });
    if (JSON.stringify(before) !== JSON.stringify(this.kept)) return false;
    this.kept = after;
    return true;
  }

  #reach(): void {
    if (this.isAway) throw new TransientError('asking a fake witness', { reason: 'fake-away' });
  }
}
