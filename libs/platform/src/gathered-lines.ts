import { pino } from 'pino';

/** More characters than this do not wait for the end of the turn. */
const GATHERED_MAX = 8 * 1024;
const WARN = pino.levels.values['warn'] ?? 0;

/**
 * Lines of one turn of the event loop go out in one write: many requests are recorded together. What warns goes out at
 * once, with all that stood before it, because the process may be about to end.
 *
 * They are gathered here: what the destination gathers by itself can be had out of it by `flushSync` alone, which waits
 * for the disk each time (`fsync`), and all requests with it.
 */
export function gatheredLines(fd: number): pino.DestinationStream {
  const file = pino.destination({ fd, sync: true, minLength: 0 });
  let gathered = '';
  let isScheduled = false;
  const flush = (): void => {
    isScheduled = false;
    if (gathered === '') return;
    const lines = gathered;
    gathered = '';
    file.write(lines);
  };
  process.on('exit', flush);
  const stream = {
    // By this pino says of what level a line is.
    [pino.symbols.needsMetadataGsym]: true,
    lastLevel: 0,
    write(line: string): void {
      gathered += line;
      if (stream.lastLevel >= WARN || gathered.length > GATHERED_MAX) return flush();
      if (!isScheduled) setImmediate(flush);
      isScheduled = true;
    },
    flush,
  };
  return stream;
}
