import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import {
  historyLine,
  type FaultLine,
  type HistoryLine,
  type LookLine,
  type ReadingLine,
  type RequestLine,
} from './history.js';
import type { AtRest } from './rest.js';

export interface Reading {
  readonly line: ReadingLine;
  readonly seen: AtRest;
}

/** A history as it is judged: in the order in which things were written, the registry put together again. */
export interface History {
  readonly processes: readonly string[];
  readonly requests: readonly RequestLine[];
  readonly faults: readonly FaultLine[];
  readonly looks: readonly LookLine[];
  readonly readings: readonly Reading[];
  readonly counts: ReadonlyMap<string, number>;
}

/** A line that was cut short by the end of whoever wrote it can only be the last one. */
export async function readHistory(file: string): Promise<History> {
  const lines: HistoryLine[] = [];
  let broken: Error | null = null;
  for await (const text of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
    if (broken !== null) throw broken;
    try {
      lines.push(historyLine.parse(JSON.parse(text)));
    } catch (cause) {
      broken = new Error(`line ${lines.length + 1} of ${file} cannot be read`, { cause });
    }
  }
  return historyOf(lines);
}

export function historyOf(lines: readonly HistoryLine[]): History {
  const counts = new Map<string, number>();
  const requests: RequestLine[] = [];
  const faults: FaultLine[] = [];
  const looks: LookLine[] = [];
  const readings: Reading[] = [];
  const registry = new Map<string, unknown>();
  let processes: readonly string[] = [];
  for (const line of lines) {
    counts.set(line.line, (counts.get(line.line) ?? 0) + 1);
    if (line.line === 'run') processes = line.processes;
    else if (line.line === 'request') requests.push(line);
    else if (line.line === 'fault') faults.push(line);
    else if (line.line === 'look') looks.push(line);
    else if (line.line === 'reading') {
      for (const [key, value] of Object.entries(line.registry.changed)) registry.set(key, value);
      for (const key of line.registry.gone) registry.delete(key);
      readings.push({ line, seen: { ...line, registry: new Map(registry) } });
    }
  }
  requests.sort((one, other) => one.from - other.from);
  return { processes, requests, faults, looks, readings, counts };
}
