import { createWriteStream, mkdirSync, type WriteStream } from 'node:fs';
import { join } from 'node:path';
import type { HistoryLine } from '@plumbline/soak-checker';

/** The account of a run: one line for everything that happened, in the order in which it ended. */
export class HistoryFile {
  readonly file: string;
  private readonly stream: WriteStream;
  private readonly counts = new Map<HistoryLine['line'], number>();

  constructor(readonly folder: string) {
    mkdirSync(folder, { recursive: true });
    this.file = join(folder, 'history.jsonl');
    this.stream = createWriteStream(this.file);
  }

  write(line: HistoryLine): void {
    this.counts.set(line.line, this.count(line.line) + 1);
    this.stream.write(`${JSON.stringify(line)}\n`);
  }

  count(line: HistoryLine['line']): number {
    return this.counts.get(line) ?? 0;
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.stream.once('error', reject);
      this.stream.end(resolve);
    });
  }
}
