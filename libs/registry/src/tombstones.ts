import type { Tombstone } from '@plumbline/domain';
import type { Kv } from './kv.js';
import type { Layout } from './layout.js';

const HEX = [...'0123456789abcdef'];

/** What is left of deleted volumes, a 256th at a time, so that no answer holds more than that. @throws Refusal */
export async function* allTombstones({ kv, layout }: { kv: Kv; layout: Layout }): AsyncGenerator<Tombstone> {
  for (const first of HEX) {
    for (const second of HEX) {
      const [entries = []] = await kv.readTrees([`${layout.tombstones}${first}${second}`]);
      for (const { value } of entries) yield JSON.parse(value) as Tombstone;
    }
  }
}
