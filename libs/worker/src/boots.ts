import { InvariantError } from '@plumbline/domain';
import type { BootId, Fence, Lane, QueueName } from '@plumbline/domain';
import { headToWork, nextMove, queueToRing } from '@plumbline/engine';
import type { BootsKnown, Rules } from '@plumbline/engine';
import { BootsView, Takeover, processTiming, takeLock } from '@plumbline/registry';
import type { Process } from './process.js';

/** What a process without a RADOS client can do about somebody else's: nothing. Its own predecessors had none either. */
const NO_FENCE: Fence = {
  address: '',
  fence: () => Promise.reject(new InvariantError('this process cannot fence', { reason: 'no-fence' })),
};

/** The other boots, as a process sees them; with a fence, it also ends those that have fallen silent. */
export class Boots {
  readonly view: BootsView;
  private takeover: Takeover | null = null;

  constructor(
    private readonly process: Process,
    private readonly rules: Rules,
  ) {
    this.view = new BootsView({
      ...process.registry,
      own: process.registry.boots,
      timing: processTiming,
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
      isGone: (boot) => this.view.isGone(boot),
      isDoubtful: (boot) => {
        if (this.view.isSilent(boot)) return true;
        return !this.view.all().some((known) => known.boot === boot && known.state === 'alive');
      },
      end: (reason) => this.process.end(reason),
    };
  }

  /** From now on silent boots are fenced by this process, and their lanes rung at once. */
  takeOverWith(fence: Fence): void {
    this.takeover = this.takeoverBy(fence);
  }

  /**
   * Own claims first: a predecessor of the same name that is proven dead is fenced without waiting for its silence. One
   * that cannot be fenced by this process is left to those who can.
   */
  async succeed(fence: Fence = NO_FENCE): Promise<void> {
    const { config, registry, log, shutdown } = this.process;
    const lock = await takeLock({ runDir: config.runDir, name: config.name, boot: registry.boots.boot });
    shutdown.atEnd('lock', () => lock.release());
    if (lock.deadPredecessor === null) return;
    const boot = lock.deadPredecessor;
    try {
      await this.takeoverBy(fence).takeOver({ boot, beat: null });
    } catch (err) {
      log.warn({ err, predecessor: boot }, 'predecessor could not be fenced at once');
    }
  }

  private takeoverBy(fence: Fence): Takeover {
    const { registry, log } = this.process;
    return new Takeover({
      ...registry,
      own: registry.boots,
      fence,
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
      const [lanes = []] = await registry.kv.readTrees([registry.layout.lanes]);
      for (const { value } of lanes) {
        const lane = JSON.parse(value) as Lane;
        if (lane.entries[0]?.attempt?.boot === boot)
          await bell.ring(queueOfLane(lane, this.rules), lane.resource);
      }
    } catch (err) {
      log.warn({ err, gone: boot }, 'lanes of a fenced boot are left to the sweep');
    }
  }
}

/** Where a lane's next move is made, as far as the lane alone tells: a worker that finds otherwise rings on. */
function queueOfLane(lane: Lane, rules: Rules): QueueName {
  const [head] = lane.entries;
  if (head === undefined || head.plan === null) return queueToRing({ do: 'nothing' });
  const { resource } = lane;
  const snapshot = { resource, lane, laneIndex: 0, record: null, recordIndex: 0, tombstone: null };
  return queueToRing(nextMove(headToWork(snapshot, rules) ?? head));
}
