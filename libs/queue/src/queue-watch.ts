import type { QueueName } from '@plumbline/domain';
import type { Logger } from 'pino';
import { within } from './deadline.js';
import { fieldsOf } from './job.js';
import { keysOf } from './lane-script.js';
import { OpenQueues } from './open-queues.js';
import type { RedisConnection } from './redis.js';
import { standingKey } from './throttle-keeper.js';
import type { Standing } from './throttle-keeper.js';
import { Trouble } from './trouble.js';

const ASK_MS = 1000;

/** A queue as it is now. */
export interface QueueShown {
  /** As Redis has it: what workers follow, and the dashboard shows. */
  readonly paused: boolean;
  /** Jobs that go before bulk work, and bulk work. */
  readonly ahead: number;
  readonly bulk: number;
  readonly active: number;
  /** Jobs that come later: tries after a failure, and what waits for a part of the source that is away. */
  readonly delayed: number;
  /** Lanes that have jobs, and accounts that have such lanes. */
  readonly lanesRung: number;
  readonly accountsRung: number;
}

/** Looks at queues, for operators. */
export class QueueWatch {
  private readonly queues: OpenQueues;

  constructor(
    private readonly redis: RedisConnection,
    log: Logger,
  ) {
    this.queues = new OpenQueues(redis, new Trouble(log, 'looking at queues'));
  }

  /** Null: Redis cannot be asked. */
  async shown(name: QueueName): Promise<QueueShown | null> {
    const queue = this.queues.get(name);
    const { client } = this.redis;
    const asked = Promise.all([
      queue.isPaused(),
      queue.getJobCounts('wait', 'prioritized', 'active', 'delayed'),
      client.hlen(`${keysOf(name)}rung`),
      client.hlen(`${keysOf(name)}held`),
    ]);
    try {
      const [paused, counts, lanesRung, accountsRung] = await within(
        { what: `looking at ${name}`, deadlineMs: ASK_MS },
        asked,
      );
      const { wait: ahead = 0, prioritized: bulk = 0, active = 0, delayed = 0 } = counts;
      return { paused, ahead, bulk, active, delayed, lanesRung, accountsRung };
    } catch {
      return null;
    }
  }

  /** How the workers among these boots stand; null: Redis cannot be asked. */
  async standings(boots: readonly string[]): Promise<readonly Standing[] | null> {
    if (boots.length === 0) return [];
    try {
      const asked = this.redis.client.mget(boots.map(standingKey));
      const texts = await within({ what: 'looking at workers', deadlineMs: ASK_MS }, asked);
      return texts.flatMap((text) => (text === null ? [] : standingOf(text)));
    } catch {
      return null;
    }
  }

  close(): Promise<void> {
    return this.queues.close();
  }
}

/** Written by our own workers, a few seconds ago; another version may have written it otherwise. */
function standingOf(text: string): readonly Standing[] {
  const standing = JSON.parse(text) as Standing;
  return typeof fieldsOf(standing)['queue'] === 'string' ? [standing] : [];
}
