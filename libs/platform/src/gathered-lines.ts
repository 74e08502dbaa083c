import { pino } from 'pino';

/** More than this does not wait for the end of the turn. */
const GATHERED_BYTES_MAX = 8 * 1024;
const WARN = pino.levels.values['warn'] ?? 0;

/**
 * Lines of one turn of the event loop go out in one write: many requests are recorded together. What warns goes out at
 * once, with all that stood before it, because the process may be about to end.
 */
export function gatheredLines(fd: number): pino.DestinationStream {
  const file = pino.destination({ fd, sync: true, minLength: GATHERED_BYTES_MAX });
  let isScheduled = false;
  const flush = (): void => {
    isScheduled = false;
    file.flushSync();
  };
  process.on('exit', flush);
  const stream = {
    // By this pino says of what level a line is.
    [pino.symbols.needsMetadataGsym]: true,
    lastLevel: 0,
    write(line: string): void {
      file.write(line);
      if (stream.lastLevel >= WARN) return flush();
      if (!isScheduled) setImmediate(flush);
      isScheduled = true;
    },
    flush,
  };
  return stream;
}
