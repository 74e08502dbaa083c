import fs, { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { jest } from '@jest/globals';
import { pino } from 'pino';
import { gatheredLines } from './gathered-lines.js';

describe('lines of a log', () => {
  const folder = mkdtempSync(join(tmpdir(), 'plumbline-log-'));
  const file = join(folder, 'log');
  const log = pino({ base: null, timestamp: false }, gatheredLines(openSync(file, 'w')));
  const written = () => [...readFileSync(file, 'utf8').matchAll(/"msg":"(\w+)"/g)].map(([, text]) => text);

  afterAll(() => rmSync(folder, { recursive: true }));

  it('wait for the end of the turn, but not when one warns, nor when the process ends', async () => {
    log.info('one');
    log.info('two');
    expect(written()).toEqual([]);
    await turn();
    expect(written()).toEqual(['one', 'two']);
    log.info('three');
    log.warn('four');
    expect(written()).toEqual(['one', 'two', 'three', 'four']);
    log.info('five');
    log.flush();
    expect(written()).toEqual(['one', 'two', 'three', 'four', 'five']);
  });

  it('never wait for the disk, and no request with them', async () => {
    const syncs = jest.spyOn(fs, 'fsyncSync');
    log.info('six');
    await turn();
    log.warn('seven');
    expect(written().slice(-2)).toEqual(['six', 'seven']);
    expect(syncs).not.toHaveBeenCalled();
    syncs.mockRestore();
  });
});
