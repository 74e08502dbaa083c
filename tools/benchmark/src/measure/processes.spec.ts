import { spawn } from 'node:child_process';
import { memoryMbOf, readStat, watchCpu } from './processes.js';

describe('what processes use', () => {
  it('reads the stat of a process whose name tries to look like fields', () => {
    const fields = ['S', 7, ...Array<number>(9).fill(0), 11, 22, 33, 44, 0];
    expect(readStat(`4242 (a ) 9 (b) ${fields.join(' ')}`)).toEqual({
      ...{ parent: 7, ownTicks: 33, endedTicks: 77 },
    });
  });

  it('counts a child, while it runs and when it has ended, as its parent’s', async () => {
    const used = watchCpu([{ name: 'self', pid: process.pid }]);
    const before = process.cpuUsage();
    const burn = 'const end = Date.now() + 400; while (Date.now() < end);';
    const child = spawn(process.execPath, ['-e', burn]);
    expect(memoryMbOf(process.pid)).toBeGreaterThan(10);
    await new Promise((resolve) => child.once('exit', resolve));
    const { user, system } = process.cpuUsage(before);
    expect(used()['self']).toBeGreaterThan((user + system) / 1_000 + 50);
  });

  it('has nothing to say of a process that is not there', () => {
    expect(watchCpu([{ name: 'gone', pid: 2 ** 22 + 1 }])()).toEqual({ gone: 0 });
    expect(memoryMbOf(2 ** 22 + 1)).toBe(0);
  });
});
