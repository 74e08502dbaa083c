/**
 * Lanes that a boot held when it was taken over. One ring is not enough: a worker that has not looked since takes the boot
 * for a living one and leaves the lane to it, and a ring may be lost. So whatever is still held in its name is rung again,
 * until nothing is, or it has to be left to the sweep.
 */
import type { BootId, Lane } from '@plumbline/domain';
import { queueOfLane } from '@plumbline/engine';
import type { HostsKnown } from '@plumbline/engine';
import { sleep } from '@plumbline/platform';
import { allLanes } from '@plumbline/registry';
import type { Process } from './process.js';

/** Workers look at the boots every two seconds, each at its own time. */
export const RING_AGAIN_MS = 1_000;
/** By the last of these even a worker that looks late, or missed a look, has learnt of it. */
export const RINGS_MAX = 8;

/** Answers how many are left to the sweep. @throws when the registry cannot be asked, or the process ends */
export async function ringLanesOf(
  process: Pick<Process, 'registry' | 'bell' | 'shutdown'>,
  boot: BootId,
  hosts: HostsKnown,
): Promise<number> {
  const { registry, bell, shutdown } = process;
  let held: Lane[] = [];
  for await (const { lane } of allLanes(registry)) if (isHeldBy(lane, boot)) held.push(lane);
  for (let rings = 0; held.length > 0 && rings < RINGS_MAX; rings += 1) {
    // What was begun is finished before anything else is; whatever jobs of it there were died with the boot.
    for (const lane of held)
      void bell.ring(queueOfLane(lane, hosts), lane.resource, {
        account: lane.account,
        ahead: true,
        anew: true,
      });
    await sleep(RING_AGAIN_MS, shutdown.signal);
    held = await stillHeld(registry, held, boot);
  }
  return held.length;
}

/** Those of them that nobody has taken up, as they are now. */
async function stillHeld(
  { kv, layout }: Process['registry'],
  lanes: readonly Lane[],
  boot: BootId,
): Promise<Lane[]> {
  const entries = await Promise.all(lanes.map(({ resource }) => kv.read([layout.lane(resource)])));
  return entries
    .flatMap(([entry]) => (entry ? [JSON.parse(entry.value) as Lane] : []))
    .filter((lane) => isHeldBy(lane, boot));
}

function isHeldBy({ entries: [head] }: Lane, boot: BootId): boolean {
  return head?.attempt?.boot === boot;
}
