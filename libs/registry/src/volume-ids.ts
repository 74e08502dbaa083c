import type { VolumeId } from '@plumbline/domain';
import type { Kv } from './kv.js';
import type { Layout } from './layout.js';

const HEX = [...'0123456789abcdef'];

/** Every id ever minted, sorted; one in 256 of them at a time. @throws Refusal */
export async function* mintedVolumeIds({ kv, layout }: { kv: Kv; layout: Layout }): AsyncGenerator<VolumeId> {
  for (const first of HEX) {
    for (const second of HEX) {
      const keys = await kv.keys(layout.owner(`${first}${second}` as VolumeId));
      for (const key of keys) yield key.slice(layout.owners.length) as VolumeId;
    }
  }
}
