import { volumeResource } from '@plumbline/domain';
import type { ActionNumber, Lane, LaneEntry, VolumeId } from '@plumbline/domain';
import type { Kv } from './kv.js';
import type { Layout } from './layout.js';

type Where = { readonly kv: Kv; readonly layout: Layout };

/**
 * What a volume's lane holds. To be read before the list of what has ended: an intent that settles between the two reads is
 * then in both, and never in neither.
 */
export async function pendingOf({ kv, layout }: Where, volume: VolumeId): Promise<readonly LaneEntry[]> {
  const [lane] = await kv.read([layout.lane(volumeResource(volume))]);
  return lane ? (JSON.parse(lane.value) as Lane).entries : [];
}

/**
 * How many intents a volume has had, customers' and repairs, settled or not. Their numbers would not do: the next may have a
 * lower one, by another process's clock. @throws Refusal
 */
export async function intentsOf(where: Where, volume: VolumeId): Promise<number> {
  const { kv, layout } = where;
  const pending = await pendingOf(where, volume);
  const prefixes = [layout.volumeActionsOf(volume), layout.internalVolumeActionsOf(volume)];
  const ended = await Promise.all(prefixes.map(async (prefix) => numbersIn(await kv.keys(prefix), prefix)));
  // What ends in between is in both.
  return new Set([...pending.map(({ action }) => action), ...ended.flat()]).size;
}

/** @param keys that end in the number of an action */
export function numbersIn(keys: readonly string[], prefix: string): readonly ActionNumber[] {
  return keys.map((key) => Number(key.slice(prefix.length)) as ActionNumber);
}
