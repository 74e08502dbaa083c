import type { Halts } from './halts.js';
import { TICK_INTERVAL_MS, type RewindSense } from './rewind-watch.js';
import type { Timing } from './timing.js';

const LOOK_MS = 500;
/** A tick that stands still for longer than this rises for nobody now. */
const RISE_MAX_MS = 3 * TICK_INTERVAL_MS;

/**
 * For a process that has no witness to ask. It leaves that to those who raise the tick, which they do only after their
 * witness has told them that the registry is not behind: so when the tick rises between two readings of this process, both
 * after it was asked, the first of them was no registry that had been set back. That takes as long as a tick does.
 */
export class TickWatch implements RewindSense {
  constructor(private readonly by: { readonly halts: Pick<Halts, 'read'>; readonly timing: Timing }) {}

  async sure(): Promise<boolean> {
    const { halts, timing } = this.by;
    const untilMs = timing.nowMs() + RISE_MAX_MS;
    try {
      const first = await halts.read();
      let now = first;
      while (now.halt === null && first.tick !== null && timing.nowMs() < untilMs) {
        if (now.tick !== null && now.tick > first.tick) return true;
        if (now.tick === null || now.tick < first.tick) return false;
        await new Promise<void>((resolve) => void timing.after(LOOK_MS, resolve));
        now = await halts.read();
      }
      return false;
    } catch {
      return false; // Who cannot ask knows nothing.
    }
  }
}
