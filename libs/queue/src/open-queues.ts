import type { QueueName } from '@plumbline/domain';
import { Queue } from 'bullmq';
import type { RedisConnection } from './redis.js';
import type { Trouble } from './trouble.js';

/** The queues that a process adds to, each opened when it is first needed. */
export class OpenQueues {
  private readonly queues = new Map<QueueName, Queue>();

  constructor(
    private readonly redis: RedisConnection,
    private readonly trouble: Trouble,
  ) {}

  get(name: QueueName): Queue {
    const known = this.queues.get(name);
    if (known) return known;
    const queue = new Queue(name, {
      connection: this.redis.client,
      // Neither waits for Redis nor asks it anything first: a process must start, and ring in vain, without it.
      skipWaitingForReady: true,
      skipVersionCheck: true,
      skipMetasUpdate: true,
    });
    queue.on('error', (error) => this.trouble.failed(error));
    this.queues.set(name, queue);
    return queue;
  }

  async close(): Promise<void> {
    await Promise.all([...this.queues.values()].map((queue) => queue.close().catch(() => undefined)));
  }
}
