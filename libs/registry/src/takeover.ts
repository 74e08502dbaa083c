import { TransientError } from '@plumbline/domain';
import type { BootId, BootRecord, Fence } from '@plumbline/domain';
import type { BootsView, Condemned } from './boots-view.js';
import type { Kv, KvEntry, KvOp } from './kv.js';
import type { Layout } from './layout.js';

/** Longest that cutting one client off may take, with the wait for the newest map. */
const FENCE_DEADLINE_MS = 60_000;
/** Takeovers at a time; others wait for a later look. */
const AT_ONCE_MAX = 4;

export interface TakeoverOptions {
  readonly kv: Kv;
  readonly layout: Layout;
  readonly own: { readonly boot: BootId };
  readonly fence: Fence;
  /** Whether the registry is known not to have been set back: an old one calls boots silent that are long gone. */
  readonly sure: () => Promise<boolean>;
  /** The boot is fenced and its keys are gone: its lanes can be rung. */
  readonly onGone: (boot: BootId) => void;
  /** It will be tried again at a later look. */
  readonly onFailed: (boot: BootId, error: unknown) => void;
}

/**
 * Ends boots that fell silent. Order is everything: first the key says `fencing`, which keeps the boot's own writes from
 * landing in the registry; then its RADOS client is cut off; only then do the keys go, by which others know that its
 * attempts are free. Each part may be done twice, so whoever meets `fencing` does it all again.
 */
export class Takeover {
  readonly #underWay = new Set<BootId>();

  constructor(private readonly options: TakeoverOptions) {}

  /** Begins to take over whatever is condemned and not being taken over yet. For `BootsView`'s `onLooked`. */
  begin(view: Pick<BootsView, 'condemned'>): void {
    for (const condemned of view.condemned()) {
      if (this.#underWay.size >= AT_ONCE_MAX) return;
      if (this.#underWay.has(condemned.boot)) continue;
      this.#underWay.add(condemned.boot);
      void this.takeOver(condemned)
        .catch((error: unknown) => this.options.onFailed(condemned.boot, error))
        .finally(() => this.#underWay.delete(condemned.boot));
    }
  }

  /**
   * @param condemned with the beat at which it stood still: if it has beaten since, it is left alone. Null: it is proven
   * dead, or being fenced.
   */
  async takeOver({ boot, beat }: Condemned): Promise<'gone' | 'alive'> {
    const { kv, layout, fence, own, onGone, sure } = this.options;
    if (boot === own.boot) throw new TypeError('a boot does not fence itself');
    const [entry = null, beatEntry = null] = await kv.read([layout.boot(boot), layout.beat(boot)]);
    if (entry !== null) {
      const record = JSON.parse(entry.value) as BootRecord;
      if (beat !== null && (beatEntry?.value ?? '') !== beat) return 'alive';
      if (!(await sure())) throw unsure();
      const index = record.state === 'fencing' ? entry.index : await this.#mark(record, entry, beatEntry);
      if (index === null) return 'alive';
      if (record.address !== null) await fence.fence(record.address, AbortSignal.timeout(FENCE_DEADLINE_MS));
      if (!(await this.#clear(boot, index))) return 'alive';
    }
    onGone(boot);
    return 'gone';
  }

  /** The index of the key that says `fencing`; null: the boot has written or beaten meanwhile. */
  async #mark(record: BootRecord, entry: KvEntry, beatEntry: KvEntry | null): Promise<number | null> {
    const { kv, layout } = this.options;
    const beatKey = layout.beat(record.boot);
    const stillSilent: KvOp =
      beatEntry === null
        ? { verb: 'check-not-exists', key: beatKey }
        : { verb: 'check-index', key: beatKey, index: beatEntry.index };
    const value = JSON.stringify({ ...record, state: 'fencing' } satisfies BootRecord);
    const outcome = await kv.transact({
      ops: [{ verb: 'cas', key: entry.key, value, index: entry.index }, stillSilent],
      proof: { key: entry.key, landed: (now) => now?.value === value },
    });
    return 'committed' in outcome ? outcome.committed[0]!.index : null;
  }

  /** False: somebody else has changed the key; what is left to do shows at the next look. */
  async #clear(boot: BootId, index: number): Promise<boolean> {
    const { kv, layout } = this.options;
    const key = layout.boot(boot);
    const outcome = await kv.transact({
      ops: [
        { verb: 'check-index', key, index },
        { verb: 'delete-cas', key, index },
        { verb: 'delete', key: layout.beat(boot) },
      ],
      proof: { key, landed: (now) => now === null },
    });
    if ('committed' in outcome) return true;
    const [entry] = await kv.read([key]);
    return entry === null;
  }
}

function unsure(): TransientError {
  const message = 'taking over a boot while no witness says that the registry was not set back';
  return new TransientError(message, { reason: 'registry-unsure' });
}
