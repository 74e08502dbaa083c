/**
 * How fast a source is asked. Its budget is never exceeded; while its answers take longer than they once did, somebody else
 * needs it, and the pace is halved down to a floor, at which a pass still ends; it comes back in small steps. All of it is
 * told the time by whoever asks.
 */

/** Of the budget: slower it never gets. */
const FLOOR_SHARE = 0.1;
/** Of the budget: what a window of usual answers gives back. */
const STEP_SHARE = 0.05;
/** Answers of which the middle one is taken. */
export const WINDOW = 16;
/** An answer that took less was read ahead: nobody was asked for it. */
export const ASKED_MS = 0.5;
/** So many times the least, and so much more at least, is slower than usual: of a fast source a little more says nothing. */
const RISE = 2;
const RISE_LEAST_MS = 4;
/** With each window the least grows by this much: what lasts for hours is no rise but how that source now is. */
const FORGET = 1.002;

/** What is known of how long a source takes for one sort of question. */
export interface Latency {
  readonly recent: readonly number[];
  /** The least that the middle of a window was; null: no window is full yet. */
  readonly leastMs: number | null;
}

export const UNKNOWN_LATENCY: Latency = { recent: [], leastMs: null };

/** @returns `risen`: whether a window that is full now took longer than usual; null: it is not full */
export function answered(
  { leastMs, recent }: Latency,
  tookMs: number,
): { readonly latency: Latency; readonly risen: boolean | null } {
  if (tookMs < ASKED_MS) return { latency: { leastMs, recent }, risen: null };
  const window = [...recent, tookMs];
  if (window.length < WINDOW) return { latency: { leastMs, recent: window }, risen: null };
  const middleMs = window.sort((one, other) => one - other)[WINDOW / 2]!;
  const usualMs = leastMs === null ? middleMs : leastMs * FORGET;
  const risen = middleMs > Math.max(usualMs * RISE, usualMs + RISE_LEAST_MS);
  return { latency: { recent: [], leastMs: Math.min(usualMs, middleMs) }, risen };
}

export function floorOf(budget: number): number {
  return Math.max(Math.min(1, budget), budget * FLOOR_SHARE);
}

export function adjusted(perSecond: number, { budget, risen }: { budget: number; risen: boolean }): number {
  if (risen) return Math.max(floorOf(budget), perSecond / 2);
  return Math.min(budget, perSecond + budget * STEP_SHARE);
}

/** When the next question may be asked, where these are asked now; nobody saves up what he has not asked before. */
export function nextTurn(
  dueMs: number,
  { nowMs, perSecond, things }: { nowMs: number; perSecond: number; things: number },
): { readonly waitMs: number; readonly dueMs: number } {
  const fromMs = Math.max(dueMs, nowMs);
  return { waitMs: fromMs - nowMs, dueMs: fromMs + (things / perSecond) * 1000 };
}
