import type { Lane } from '@plumbline/domain';
import type { Kv } from './kv.js';
import type { Layout } from './layout.js';

const HEX = [...'0123456789abcdef'];

export interface IndexedLane {
  readonly lane: Lane;
  /** Moves with every change of the lane. */
  readonly index: number;
}

/**
 * All lanes, a sixteenth at a time, so that no answer holds more than that. One that cannot be parsed is passed over, or it
 * would hold up all others: the scrubber tells of it. @throws Refusal
 */
export async function* allLanes({ kv, layout }: { kv: Kv; layout: Layout }): AsyncGenerator<IndexedLane> {
  for (const hex of HEX) {
    const [entries = []] = await kv.readTrees([layout.lane(`volume/${hex}`)]);
    for (const { value, index } of entries) {
      const lane = parsed(value);
      if (lane !== null) yield { lane, index };
    }
  }
}

function parsed(value: string): Lane | null {
  try {
    return JSON.parse(value) as Lane;
  } catch {
    return null;
  }
}
