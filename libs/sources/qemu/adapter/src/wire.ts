import { connect } from 'node:net';
import type { Socket } from 'node:net';

/** A stream of lines to a VM's monitor. */
export interface Wire {
  send(line: string): void;
  /** Afterwards nothing is heard of it any more but that it closed. */
  close(): void;
}

export interface WireEvents {
  line(text: string): void;
  /** Once, and last. `nobodyListens`: no process serves that socket, so none carries out what was sent before. */
  closed(why: { nobodyListens: boolean; cause?: unknown }): void;
}

export type Dial = (socket: string, events: WireEvents) => Wire;

/** A listing of some thousand disks fits; a monitor that never ends its line is cut. */
const LINE_LENGTH_MAX = 64 * 1024 * 1024;
/** What connecting says when the process that made the socket is dead. */
const NOBODY = new Set(['ECONNREFUSED', 'ENOENT']);

/** Dials a monitor's unix socket. */
export const dialSocket: Dial = (path, events) => {
  const socket = connect(path);
  let cause: unknown;
  let connected = false;
  socket.setEncoding('utf8');
  socket.on('connect', () => (connected = true));
  socket.on('error', (error) => (cause = error));
  socket.on('close', () => {
    const code = (cause as NodeJS.ErrnoException | undefined)?.code ?? '';
    events.closed({ nobodyListens: !connected && NOBODY.has(code), cause });
  });
  readLines(socket, events);
  return {
    send: (line) => void socket.write(`${line}\n`),
    close: () => void socket.destroy(),
  };
};

function readLines(socket: Socket, events: WireEvents): void {
  let parts: string[] = [];
  let length = 0;
  socket.on('data', (chunk: string) => {
    const pieces = chunk.split('\n');
    const rest = pieces.pop() ?? '';
    for (const piece of pieces) {
      const line = [...parts, piece].join('').trim();
      parts = [];
      length = 0;
      if (line !== '' && !socket.destroyed) events.line(line);
    }
    parts.push(rest);
    length += rest.length;
    if (length > LINE_LENGTH_MAX) {
      socket.destroy(new Error(`a line of the monitor is longer than ${LINE_LENGTH_MAX} characters`));
    }
  });
}
