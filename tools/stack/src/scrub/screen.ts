import type { Screen } from './scrub.js';

const REPEAT_MS = 10_000;
const ERASE_LINE = '\r\x1b[2K';
const ERASE_ALL = '\x1b[H\x1b[2J';

/** On a terminal what passes is written over; in a file it is a line now and then. */
export function screenTo(out: { write(text: string): unknown; readonly isTTY?: boolean }): Screen {
  const isTerminal = out.isTTY === true;
  let isPassing = false;
  let saidAt = 0;
  return {
    line(text) {
      out.write(`${isPassing ? ERASE_LINE : ''}${text}\n`);
      isPassing = false;
    },
    passing(text) {
      if (isTerminal) {
        out.write(`${ERASE_LINE}${text}`);
        isPassing = true;
      } else if (Date.now() - saidAt >= REPEAT_MS) {
        out.write(`${text}\n`);
        saidAt = Date.now();
      }
    },
    clear() {
      if (isTerminal) out.write(ERASE_ALL);
    },
  };
}
