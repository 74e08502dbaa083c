import { drainOwed } from '@plumbline/engine';
import type { OwedPages } from '@plumbline/engine';
import { TransientError, UncertainError, queueOf } from '@plumbline/domain';
import type { OwedFact } from '@plumbline/domain';
import { OwedFacts } from '@plumbline/registry';
import { never } from './consul-link.js';
import { SimulatedProcess } from './process.js';

const BATCH_MAX = 50;
const DEADLINE_MS = 10_000;
const LATE_MS = 25_000;
const ARRIVES_SHARE = 0.6;
const LINGERS_SHARE = 0.6;

/** The process that brings what is owed into the journal: no lane and no turn, so any number of them may do it at once. */
export class SimulatedBilling extends SimulatedProcess {
  override readonly queue = queueOf('billing');
  private busy = false;

  override async take(): Promise<null> {
    if (this.busy) return null;
    this.busy = true;
    const owed = new OwedFacts({ ...this.registry, source: 'billing' });
    const batches = owed.batches();
    const pages: OwedPages = {
      async page() {
        const next = await batches.next();
        return next.done === true ? [] : next.value;
      },
      record: (facts) => this.record(facts),
      remove: (entries) => owed.remove(entries),
    };
    try {
      const { refused } = await drainOwed(pages, { batchMax: BATCH_MAX });
      for (const { entry, error } of refused)
        this.world.mistake('M1', `an owed fact cannot be recorded: ${error.message}`, entry.fact.resource);
    } catch {
      // Rung again, by whoever owes more or by the sweep.
    }
    this.busy = false;
    return null;
  }

  /** One statement to PostgreSQL: what its client gave up may still be carried out. */
  private async record(facts: readonly OwedFact[]): Promise<void> {
    const { world, random } = this;
    const { pool, billing, faults } = world;
    const mine = (what: string) => ({ owner: this, what });
    const onItsWay = {
      owner: null,
      what: `${this.name}: inserts ${facts.map(({ intent }) => intent).join(' ')}`,
    };
    const struck = this.strikeAt('record');
    const fault = faults.ofCall('record');
    struck?.('before');
    if (billing.manners.down || fault === 'call-refused-for-now') {
      await pool.wait(this.latencyMs(), mine('insert is refused'));
      throw new TransientError('the billing database does not answer', { reason: 'postgres-unreachable' });
    }
    const lost = new UncertainError('the billing database did not answer in time', {
      reason: 'postgres-deadline',
    });
    if (fault === 'call-lost') {
      await pool.wait(DEADLINE_MS, mine('insert is given up'));
      throw lost;
    }
    if (fault === 'call-late') {
      // Where the database is away by then, nothing is recorded, and nobody waits for that.
      const late = () => void billing.record(facts).catch(() => undefined);
      pool.after(random.between(DEADLINE_MS, LATE_MS), onItsWay, late);
      await pool.wait(DEADLINE_MS, mine('insert is given up'));
      throw lost;
    }
    await pool.wait(this.latencyMs(), onItsWay);
    if (this.state !== 'running') {
      if (this.state === 'dead' && !random.chance(ARRIVES_SHARE)) return await never();
      if (random.chance(LINGERS_SHARE)) await pool.wait(random.between(1, LATE_MS), onItsWay);
    }
    const outcome = await billing.record(facts).then(
      () => null,
      (error: unknown) => error,
    );
    struck?.('within');
    await pool.wait(fault === 'call-reply-lost' ? DEADLINE_MS : this.latencyMs(), mine('insert ends'));
    struck?.('after');
    if (outcome !== null) throw outcome instanceof Error ? outcome : lost;
    if (fault === 'call-reply-lost') throw lost;
  }

  protected override async work(): Promise<void> {
    this.ready = true;
    await this.take();
  }
}
