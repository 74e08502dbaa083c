import { Refusal } from '@plumbline/domain';
import type { QueueName, Throttle } from '@plumbline/domain';
import type { QueueShown, QueueWatch, Standing } from '@plumbline/queue';
import type { Boots, Throttles } from '@plumbline/registry';
import type { z } from 'zod';
import type { PendingBound } from '../pending-bound.js';
import type { throttleBody } from './bodies.js';

const CONFLICTS_MAX = 3;
/** Drains what is owed one job at a time, each taking all there is. */
const DRAINING: QueueName = 'billing';

interface ThrottleDeskOptions {
  readonly queues: readonly QueueName[];
  readonly throttles: Pick<Throttles, 'read' | 'write'>;
  readonly watch: Pick<QueueWatch, 'shown' | 'standings'>;
  readonly boots: Boots;
  readonly pending: Pick<PendingBound, 'largest'>;
  readonly now: () => number;
}

/** A source's queue: what is set, what its workers do in effect, and what waits there. */
export interface ThrottleShown {
  readonly source: QueueName;
  readonly set: Throttle;
  /** Null: Redis cannot be asked. */
  readonly queue: QueueShown | null;
  readonly workers: readonly Omit<Standing, 'queue'>[] | null;
}

type Asked = z.infer<typeof throttleBody>;

/** How fast each source is worked at. */
export class ThrottleDesk {
  constructor(private readonly by: ThrottleDeskOptions) {}

  async all(): Promise<readonly ThrottleShown[]> {
    const standings = await this.standings();
    return await Promise.all(this.by.queues.map((source) => this.show(source, standings)));
  }

  /** @throws Refusal that names what there is */
  async one(source: string): Promise<ThrottleShown> {
    return await this.show(this.known(source), await this.standings());
  }

  /** Who has the most work waiting, as the last sweep counted it. */
  get largest(): PendingBound['largest'] {
    return this.by.pending.largest;
  }

  /**
   * Sets what is asked; what is not asked becomes as `otherwise` says of what stands.
   * @throws Refusal
   */
  async set(
    name: string,
    asked: Asked,
    otherwise: (stands: Throttle) => Pick<Throttle, Setting>,
  ): Promise<ThrottleShown> {
    const source = this.known(name);
    refuseForDraining(source, asked);
    for (let conflicts = 0; conflicts < CONFLICTS_MAX; conflicts += 1) {
      const read = await this.by.throttles.read(source);
      const { by, ...settings } = asked;
      const given = Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
      const throttle = { ...otherwise(read.throttle), ...given, by, at: this.by.now() };
      if (await this.by.throttles.write(source, throttle, read)) return await this.one(source);
    }
    throw new Refusal('conflict', 'Others are setting this throttle at this moment; look at it again.');
  }

  private known(source: string): QueueName {
    const { queues } = this.by;
    const known = queues.find((queue) => queue === source);
    if (known === undefined)
      throw new Refusal('not_found', `source must be one of ${queues.join(', ')}`, { field: 'source' });
    return known;
  }

  private async standings(): Promise<readonly Standing[] | null> {
    const boots = await this.by.boots.list();
    return await this.by.watch.standings(boots.map(({ boot }) => boot));
  }

  private async show(source: QueueName, standings: readonly Standing[] | null): Promise<ThrottleShown> {
    const { throttles, watch } = this.by;
    const [{ throttle }, queue] = await Promise.all([throttles.read(source), watch.shown(source)]);
    const workers = standings?.filter((standing) => standing.queue === source) ?? null;
    return {
      source,
      set: throttle,
      queue,
      workers: workers?.map(({ queue: _queue, ...rest }) => rest) ?? null,
    };
  }
}

export type Setting = 'paused' | 'ratePerSecond' | 'concurrency' | 'concurrencyTotal';

function refuseForDraining(source: QueueName, asked: Asked): void {
  for (const field of ['concurrency', 'concurrencyTotal'] as const)
    if (source === DRAINING && asked[field] !== undefined && asked[field] !== null)
      throw new Refusal(
        'unprocessable_entity',
        `${field} cannot be set for ${source}: one job at a time takes all that is owed`,
        { field },
      );
}
