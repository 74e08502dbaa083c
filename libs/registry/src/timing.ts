/** Time and timers as an argument, so that a simulation can own every wait. */
export interface Timing {
  /** Monotonic: it serves for spans only, never for instants. */
  nowMs(): number;
  /** Calls once after the delay; the answer takes it back. */
  after(delayMs: number, call: () => void): () => void;
  /** Calls when what has already arrived has been looked at. */
  soon(call: () => void): void;
}

export const processTiming: Timing = {
  nowMs: () => performance.now(),
  after(delayMs, call) {
    const timer = setTimeout(call, delayMs);
    return () => clearTimeout(timer);
  },
  soon: (call) => void setImmediate(call),
};
