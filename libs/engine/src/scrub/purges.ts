import { Refusal, StaleError, volumeResource } from '@plumbline/domain';
import type { Tombstone, VolumeId } from '@plumbline/domain';
import { brakeIfRewound } from './brakes.js';
import { isUnchanged } from './look.js';
import type { ScrubberPorts } from './ports.js';

/** Purges recorded in one round: the next one goes on. */
const ROUND_MAX = 1_000;

interface PurgePorts extends Pick<
  ScrubberPorts,
  'journal' | 'isOwed' | 'file' | 'book' | 'desk' | 'sources' | 'revFloor' | 'now' | 'sleep' | 'log'
> {
  tombstones(): AsyncIterable<Tombstone>;
  /** How long a deleted volume can be taken back. */
  readonly keptMs: number;
  readonly perSecond: number;
}

/**
 * Has removed for good what was deleted long enough ago. Until then it is in the trash, and nobody needs to have been right.
 * Nothing is purged while a brake is on: what looks deleted may be the registry's mistake.
 */
export class Purges {
  constructor(private readonly ports: PurgePorts) {}

  /** @returns how many were recorded. @throws Refusal when the registry cannot be asked */
  async round(signal: AbortSignal): Promise<number> {
    const { keptMs, now, perSecond, sleep } = this.ports;
    let wrong: ReadonlySet<VolumeId | null> | null = null;
    let count = 0;
    for await (const tombstone of this.ports.tombstones()) {
      signal.throwIfAborted();
      if (count >= ROUND_MAX) break;
      if (now() - tombstone.at < keptMs) continue;
      // A round takes minutes, and what is found or said meanwhile counts.
      wrong ??= await this.volumesFoundWrong();
      if (wrong.has(tombstone.id)) continue;
      if (!(await this.mayPurge())) break;
      if (!(await this.purge(tombstone))) continue;
      count += 1;
      await sleep(1000 / perSecond, signal);
      if (count % perSecond === 0) wrong = null;
    }
    return count;
  }

  private async mayPurge(): Promise<boolean> {
    const { desk } = this.ports;
    await brakeIfRewound(this.ports);
    const { paused } = await desk.settings();
    return !paused && (await desk.brakes()).length === 0;
  }

  /** What is not as a deleted volume ought to be is put right first, or is for a person. */
  private async volumesFoundWrong(): Promise<ReadonlySet<VolumeId | null>> {
    const open = (await this.ports.book.list()).filter(({ state }) => state !== 'repaired');
    return new Set(open.map(({ volume }) => volume));
  }

  private async purge({ account, id, imageId, region }: Tombstone): Promise<boolean> {
    const { file, isOwed, journal, log, sources } = this.ports;
    const resource = volumeResource(id);
    const before = await journal.read(resource);
    if (before.lane !== null || before.record !== null || before.tombstone === null) return false;
    for (const source of new Set(sources.map(({ facet }) => facet.source)))
      if (await isOwed(source, resource)) return false;
    try {
      const params = { volumeId: id, region, imageId };
      await file({
        kind: 'volume-purge',
        params,
        account,
        onlyIf: (now) => isUnchanged(before, now),
      });
      return true;
    } catch (err) {
      if (err instanceof StaleError) return false;
      if (!(err instanceof Refusal) || err.code === 'service_unavailable') throw err;
      log.warn({ resource, err }, 'purge was refused');
      return false;
    }
  }
}
