import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dialSocket } from './wire.js';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'qmp-'));
});
afterAll(() => rm(dir, { recursive: true }));

/** Everything a wire said until it closed. */
function heard(path: string, onLine: (line: string) => void = () => {}) {
  const lines: string[] = [];
  let wire = { send: (_line: string): void => {}, close: () => {} };
  const closed = new Promise<{ nobodyListens: boolean; cause?: unknown }>((resolve) => {
    wire = dialSocket(path, {
      line: (text) => {
        lines.push(text);
        onLine(text);
      },
      closed: resolve,
    });
  });
  return { lines, closed, wire };
}

async function served(name: string, serve: (socket: Socket) => void) {
  const path = join(dir, name);
  const server = createServer(serve);
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return { path, end: () => new Promise((resolve) => server.close(resolve)) };
}

describe('a wire to a monitor', () => {
  it('gives whole lines, however they were cut on the way', async () => {
    const text = '{"a":"é"}\r\n{"b":2}\n\n{"c":3}\r\n';
    const { path, end } = await served('cut', (socket) => {
      const bytes = [...Buffer.from(text)];
      const next = () => {
        const byte = bytes.shift();
        if (byte === undefined) socket.end();
        else socket.write(Buffer.from([byte]), () => setImmediate(next));
      };
      next();
    });
    const { lines, closed } = heard(path);
    expect(await closed).toMatchObject({ nobodyListens: false });
    expect(lines).toEqual(['{"a":"é"}', '{"b":2}', '{"c":3}']);
    await end();
  });

  it('sends lines, and hears nothing after it was closed', async () => {
    const { path, end } = await served('echo', (socket) => socket.pipe(socket));
    const { lines, closed, wire } = heard(path, () => wire.close());
    wire.send('one');
    wire.send('two');
    expect(await closed).toMatchObject({ nobodyListens: false });
    expect(lines).toEqual(['one']);
    await end();
  });

  it('tells a dead process from one that only hung up', async () => {
    const { path, end } = await served('hung-up', (socket) => socket.destroy());
    expect(await heard(path).closed).toMatchObject({ nobodyListens: false });
    await end();
    expect(await heard(path).closed).toMatchObject({ nobodyListens: true });
    expect(await heard(join(dir, 'never-was')).closed).toMatchObject({ nobodyListens: true });
  });
});
