import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { progressTo } from './progress.js';
import { loadState, openStack, saveState, withLock } from './state.js';

const silent = progressTo(() => undefined);

describe('a data folder', () => {
  let data: string;
  beforeEach(() => {
    data = mkdtempSync(join(tmpdir(), 'plumbline-state-'));
  });
  afterEach(() => {
    rmSync(data, { recursive: true, force: true });
  });

  it('remembers ports and the short folder for sockets', () => {
    const stack = openStack(data, { ephemeral: true }, silent);
    stack.state.ports = { redis: 20_001 };
    saveState(stack);
    const again = openStack(data, { ephemeral: false }, silent);
    rmSync(stack.state.sockets, { recursive: true });
    expect(again.state).toEqual({ ...stack.state, ephemeral: true });
  });

  it('is refused when it holds files of somebody else', () => {
    writeFileSync(join(data, 'thesis.tex'), '');
    expect(() => openStack(data, { ephemeral: false }, silent)).toThrow('not a stack');
    expect(loadState(data)).toBeUndefined();
  });

  it('serves one command at a time, and lets the next one in when the first has ended or failed', async () => {
    await withLock(data, 'up', async () => {
      await expect(withLock(data, 'down', () => Promise.resolve())).rejects.toThrow('tools/up');
    });
    await expect(withLock(data, 'up', () => Promise.reject(new Error('broke')))).rejects.toThrow('broke');
    expect(await withLock(data, 'down', () => Promise.resolve('in'))).toBe('in');
  });

  it.each([
    ['a dead process', '{"pid":1,"started":"long ago","command":"up"}'],
    ['nobody', '{"pi'],
  ])('is taken over from %s whose lock was left behind', async (_who, lock) => {
    writeFileSync(join(data, 'lock'), lock);
    expect(await withLock(data, 'up', () => Promise.resolve('in'))).toBe('in');
    expect(existsSync(join(data, 'lock'))).toBe(false);
  });
});
