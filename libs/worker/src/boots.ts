import { HeldError, InvariantError, UncertainError } from '@plumbline/domain';
import type { BootId, BootRecord, Fence } from '@plumbline/domain';
import { queueOfLane } from '@plumbline/engine';
import type { BootsKnown } from '@plumbline/engine';
import {
  BootsView,
  LOOK_INTERVAL_MS,
  Takeover,
  allLanes,
  processTiming,
  takeLock,
} from '@plumbline/registry';
import type { RewindSense } from '@plumbline/registry';
import type { KvEntry } from '@plumbline/registry';
import type { Process } from './process.js';

/** When to ask again for a registry that does not answer. */
const REGISTRY_AWAY_MS = 1_000;
/** After a boot's keys have gone: by then every worker's next look has told it so. */
const ALL_HAVE_LOOKED_MS = LOOK_INTERVAL_MS + 250;

/** What a process without a RADOS client can do about somebody else's: nothing. Its own predecessors had none either. */
export const NO_FENCE: Fence = {
  address: '',
  fence: () => Promise.reject(new InvariantError('this process cannot fence', { reason: 'no-fence' })),
};

/** The other boots, as a process sees them; with a fence, it also ends those that have fallen silent. */
export class Boots {
  readonly view: BootsView;
  private takeover: Takeover | null = null;

  constructor(private readonly process: Process) {
    this.view = new BootsView({
      ...process.registry,
      own: process.registry.boots,
      timing: processTiming,
      hostGivenUpMs: process.config.hostGivenUpMs,
      onLooked: (view) => this.takeover?.begin(view),
    });
    process.shutdown.atEnd('boots', () => this.view.stop());
  }

  async start(): Promise<void> {
    await this.view.start();
  }

  known(): BootsKnown {
    return {
      self: this.process.registry.boots.boot,
      isHostAway: (host) => this.view.isHostAway(host),
      isHostGivenUp: (host) => this.view.isHostGivenUp(host),
      isGone: (boot) => this.view.isGone(boot),
      isDoubtful: (boot) => {
        if (this.view.isSilent(boot)) return true;
        return !this.view.all().some((known) => known.boot === boot && known.state === 'alive');
      },
      end: (reason) => this.process.end(reason),
    };
  }

  /**
   * Rejects unless this boot still stands: then nobody has taken over from it up to now, and whatever is sent next to where
   * nobody else gets in meanwhile comes before everything that a successor does there.
   */
  async expectStanding(): Promise<void> {
    const { registry } = this.process;
    let entry: KvEntry | null | undefined;
    try {
      [entry] = await registry.kv.read([registry.layout.boot(registry.boots.boot)]);
    } catch (cause) {
      const why = { reason: 'registry-away', retryAfterMs: REGISTRY_AWAY_MS, cause };
      throw new HeldError('could not learn whether this boot still stands', why);
    }
    if (entry && (JSON.parse(entry.value) as BootRecord).state === 'alive') return;
    this.process.end('it was fenced');
    throw new UncertainError('this boot was fenced', { reason: 'fenced' });
  }

  /** From now on silent boots are fenced by this process, and their lanes rung at once. */
  takeOverWith(fence: Fence, rewinds: RewindSense): void {
    this.takeover = this.takeoverBy(fence, rewinds);
  }

  /**
   * Own claims first: a predecessor of the same name that is proven dead is fenced without waiting for its silence. One
   * that cannot be fenced by this process is left to those who can.
   */
  async succeed({ fence = NO_FENCE, rewinds }: { fence?: Fence; rewinds: RewindSense }): Promise<void> {
    const { config, registry, log, shutdown } = this.process;
    const lock = await takeLock({ runDir: config.runDir, name: config.name, boot: registry.boots.boot });
    // While work is under way the lock stays: by it a successor proves this process dead, and need not wait for silence.
    shutdown.atEnd('lock', () => (this.process.isIdle() ? lock.release() : undefined));
    if (lock.deadPredecessor === null) return;
    const boot = lock.deadPredecessor;
    try {
      await this.takeoverBy(fence, rewinds).takeOver({ boot, beat: null });
    } catch (err) {
      log.warn({ err, predecessor: boot }, 'predecessor could not be fenced at once');
    }
  }

  private takeoverBy(fence: Fence, rewinds: RewindSense): Takeover {
    const { registry, log } = this.process;
    return new Takeover({
      ...registry,
      own: registry.boots,
      fence,
      sure: () => rewinds.sure(),
      onGone: (boot) => {
        log.info({ gone: boot }, 'boot was taken over');
        void this.ringLanesOf(boot);
      },
      onFailed: (boot, err) => log.warn({ silent: boot, err }, 'silent boot could not be fenced yet'),
    });
  }

  private async ringLanesOf(boot: BootId): Promise<void> {
    const { registry, bell, log } = this.process;
    try {
      await this.view.look();
      for await (const { lane } of allLanes(registry)) {
        if (lane.entries[0]?.attempt?.boot !== boot) continue;
        const queue = queueOfLane(lane, this.view);
        // What was begun is finished before anything else is.
        const ring = { account: lane.account, ahead: true };
        const atOnce = bell.ring(queue, lane.resource, { ...ring, anew: true });
        // A worker that has not looked since takes the boot for a living one, and leaves the lane to it.
        const later = bell.ring(queue, lane.resource, { ...ring, delayMs: ALL_HAVE_LOOKED_MS });
        await Promise.all([atOnce, later]);
      }
    } catch (err) {
      log.warn({ err, gone: boot }, 'lanes of a fenced boot are left to the sweep');
    }
  }
}
