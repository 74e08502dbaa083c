import type { VolumeId } from '@plumbline/domain';
import type { Kv } from './kv.js';
import type { Layout } from './layout.js';

/** The number of the newest intent of a volume, a customer's or a repair, settled or not; nought: none is known. @throws Refusal */
export async function newestIntentOf(
  { kv, layout }: { kv: Kv; layout: Layout },
  volume: VolumeId,
): Promise<number> {
  const prefixes = [layout.volumeActionsOf(volume), layout.internalVolumeActionsOf(volume)];
  const keys = await Promise.all(prefixes.map((prefix) => kv.keys(prefix)));
  const newest = keys.map((list, at) => Number(list.at(-1)?.slice(prefixes[at]?.length) ?? 0));
  return Math.max(...newest);
}
