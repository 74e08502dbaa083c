import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf, StackError } from './errors.js';

export interface WaitOptions {
  /** What is waited for, as the end of the sentence "waited in vain for …". */
  what: string;
  deadlineMs?: number;
  everyMs?: number;
}

/** Asks until the answer is neither `undefined` nor `false`. An error counts as "not yet", unless it is a StackError. */
export async function waitFor<T>(
  ask: () => Promise<T | undefined | false> | T | undefined | false,
  { what, deadlineMs = 60_000, everyMs = 100 }: WaitOptions,
): Promise<T> {
  const end = Date.now() + deadlineMs;
  let last: unknown;
  do {
    try {
      const answer = await ask();
      if (answer !== undefined && answer !== false) return answer;
    } catch (error) {
      if (error instanceof StackError && error.cause === 'final') throw error;
      last = error;
    }
    await sleep(everyMs);
  } while (Date.now() < end);
  const why = last === undefined ? '' : `: ${messageOf(last)}`;
  throw new StackError(`waited ${Math.round(deadlineMs / 1000)} s in vain for ${what}${why}`);
}
