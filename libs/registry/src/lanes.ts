import type { Lane } from '@plumbline/domain';
import type { Kv } from './kv.js';
import type { Layout } from './layout.js';

const HEX = [...'0123456789abcdef'];

export interface IndexedLane {
  readonly lane: Lane;
  /** Moves with every change of the lane. */
  readonly index: number;
}

/** All lanes, a sixteenth at a time, so that no answer holds more than that. @throws Refusal */
export async function* allLanes({ kv, layout }: { kv: Kv; layout: Layout }): AsyncGenerator<IndexedLane> {
  for (const hex of HEX) {
    const [entries = []] = await kv.readTrees([layout.lane(`volume/${hex}`)]);
    for (const { value, index } of entries) yield { lane: JSON.parse(value) as Lane, index };
  }
}
