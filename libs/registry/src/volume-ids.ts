import type { VolumeId } from '@plumbline/domain';
import type { Kv } from './kv.js';
import type { Layout } from './layout.js';

const HEX = [...'0123456789abcdef'];

/** Every id ever minted, sorted, from behind `after` on; one in 256 of them at a time. @throws Refusal */
export async function* mintedVolumeIds(
  { kv, layout }: { kv: Kv; layout: Layout },
  after: VolumeId | null = null,
): AsyncGenerator<VolumeId> {
  for (const first of HEX) {
    for (const second of HEX) {
      const prefix = `${first}${second}` as VolumeId;
      if (after !== null && prefix < after.slice(0, prefix.length)) continue;
      const keys = await kv.keys(layout.owner(prefix));
      for (const key of keys) {
        const id = key.slice(layout.owners.length) as VolumeId;
        if (after === null || id > after) yield id;
      }
    }
  }
}
