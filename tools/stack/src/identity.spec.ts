import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { identify, isAlive, parseStat, stateOf } from './identity.js';
import { waitFor } from './wait.js';

describe('who a process is', () => {
  it('is read past a name that holds spaces and brackets', () => {
    const rest = Array.from({ length: 20 }, (_, n) => String(n + 3)).join(' ');
    expect(parseStat(`42 (a ) b) S ${rest.split(' ').slice(1).join(' ')}`)).toEqual({
      state: 'S',
      startTicks: '22',
    });
  });

  it('is not confused with another process that got the same pid', () => {
    const me = identify(process.pid);
    expect(isAlive(me)).toBe(true);
    expect(isAlive({ ...me, started: `${me.started}0` })).toBe(false);
  });

  it('is followed from running through paused to dead', async () => {
    const child = spawn('sleep', ['60']);
    const identity = identify(child.pid!);
    expect(stateOf(identity)).toBe('running');
    child.kill('SIGSTOP');
    await waitFor(() => stateOf(identity) === 'paused', { what: 'the pause', deadlineMs: 5_000, everyMs: 5 });
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(isAlive(identity)).toBe(false);
  });
});
