import { StackError } from './errors.js';
import { layoutOf } from './paths.js';
import { seconds, type Progress } from './progress.js';
import { loadState, withLock, type Stack } from './state.js';
import { removeData, stopAll } from './stop.js';

export interface DownOptions {
  data: string;
  purge: boolean;
}

/** Ends a stack. A throw-away stack leaves nothing behind; of a kept one the data stay, unless they are purged. */
export async function down({ data, purge }: DownOptions, progress: Progress): Promise<void> {
  const began = Date.now();
  const state = loadState(data);
  if (!state) {
    progress.line(`No stack in ${data}; nothing to stop.`);
    return;
  }
  const stack: Stack = { layout: layoutOf(data), state, progress };
  const remove = purge || state.ephemeral;
  const count = await withLock(data, 'down', async () => {
    const ended = await stopAll(stack);
    if (remove) removeData(stack);
    return ended;
  });
  const left = remove ? 'its data are removed' : `its data stay in ${data} (--purge removes them)`;
  progress.line(
    `Ended ${count} processes in ${seconds(Date.now() - began)}; ${left}. Start again with ./tools/up`,
  );
}

/** The stack in a folder, for commands that make no sense without one. */
export function knownStack(data: string, progress: Progress): Stack {
  const state = loadState(data);
  if (!state) throw new StackError(`no stack in ${data}; start one with ./tools/up`);
  return { layout: layoutOf(data), state, progress };
}
