import { HeldError, InvariantError, UncertainError } from '@plumbline/domain';
import type { BootId, BootRecord, Fence } from '@plumbline/domain';
import type { BootsKnown } from '@plumbline/engine';
import { BootsView, Takeover, processTiming, takeLock } from '@plumbline/registry';
import type { RewindSense } from '@plumbline/registry';
import type { KvEntry } from '@plumbline/registry';
import { ringLanesOf } from './dead-lanes.js';
import type { Process } from './process.js';

/** When to ask again for a registry that does not answer. */
const REGISTRY_AWAY_MS = 1_000;

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
    const { log } = this.process;
    try {
      await this.view.look();
      const left = await ringLanesOf(this.process, boot, this.view);
      if (left > 0) log.warn({ gone: boot, lanes: left }, 'lanes of a fenced boot are left to the sweep');
    } catch (err) {
      log.warn({ err, gone: boot }, 'lanes of a fenced boot are left to the sweep');
    }
  }
}
