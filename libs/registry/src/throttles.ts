import { UNTHROTTLED } from '@plumbline/domain';
import type { QueueName, Throttle } from '@plumbline/domain';
import type { Kv } from './kv.js';
import type { Layout } from './layout.js';

/** A queue's throttle as it stands, with the index at which it does. */
export interface ThrottleAsRead {
  readonly throttle: Throttle;
  readonly index: number;
}

/** What operators have set for queues: here, so that neither a restart nor an emptied Redis forgets it. */
export class Throttles {
  constructor(private readonly by: { kv: Kv; layout: Layout }) {}

  /** @throws Refusal when the registry cannot be asked */
  async read(queue: QueueName): Promise<ThrottleAsRead> {
    const [entry] = await this.by.kv.read([this.by.layout.throttle(queue)]);
    return {
      throttle: entry ? (JSON.parse(entry.value) as Throttle) : UNTHROTTLED,
      index: entry?.index ?? 0,
    };
  }

  /** False: somebody else has set it since it was read. @throws Refusal */
  async write(queue: QueueName, throttle: Throttle, { index }: ThrottleAsRead): Promise<boolean> {
    const key = this.by.layout.throttle(queue);
    const value = JSON.stringify(throttle);
    const outcome = await this.by.kv.transact({
      ops: [{ verb: 'cas', key, value, index }],
      proof: { key, landed: (entry) => entry?.value === value },
    });
    return 'committed' in outcome;
  }
}
