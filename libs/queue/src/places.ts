import type { AccountId, QueueName, ResourceName } from '@plumbline/domain';
import type { Bell } from './bell.js';
import { LANES_RUNG_MAX, keysOf } from './lane-script.js';
import type { RedisConnection } from './redis.js';
import type { SweptLane } from './sweep-plan.js';

/** A place that a lane takes among its account's at a queue. */
export interface Place {
  readonly queue: QueueName;
  readonly resource: ResourceName;
}

/** Every place that is taken at these queues. @throws when Redis cannot be asked */
export async function takenPlaces(
  { client }: RedisConnection,
  queues: readonly QueueName[],
): Promise<readonly Place[]> {
  const taken = await Promise.all(
    queues.map(async (queue) =>
      (await client.hkeys(`${keysOf(queue)}rung`)).map((resource) => ({
        queue,
        resource: resource as ResourceName,
      })),
    ),
  );
  return taken.flat();
}

/**
 * Gives back the places of lanes that need none, because whoever was to give them back died first.
 * @param taken before the lanes were read: a lane is recorded before it is rung, so what has none now has ended
 */
export async function clearPlaces(
  taken: readonly Place[],
  { bell, needsPlace }: { bell: Bell; needsPlace: (place: Place) => boolean },
): Promise<number> {
  const left = taken.filter((place) => !needsPlace(place));
  await Promise.all(left.map(({ queue, resource }) => bell.leave(queue, resource, { anew: true })));
  return left.length;
}

/**
 * Lanes that stand in their account's line, and so need no ring: the end of any of their account's jobs calls the next. Of
 * an account without any jobs none is told: one of them has to be rung, to begin.
 */
export async function lanesInLine(
  { client }: RedisConnection,
  lanes: readonly SweptLane[],
): Promise<ReadonlySet<ResourceName>> {
  const counts = new Map<AccountId, number>();
  for (const { account } of lanes) counts.set(account, (counts.get(account) ?? 0) + 1);
  const long = [...counts].filter(([, count]) => count > LANES_RUNG_MAX).map(([account]) => account);
  const queues = new Set(lanes.map(({ queue }) => queue));
  const inLine = new Set<ResourceName>();
  for (const queue of queues)
    for (const account of long) {
      const keys = keysOf(queue);
      if ((await client.hexists(`${keys}held`, account)) === 0) continue;
      for (const line of ['ahead', 'bulk'])
        for (const resource of await client.zrange(`${keys}line:${account}:${line}`, '0', '-1'))
          inLine.add(resource as ResourceName);
    }
  return inLine;
}
