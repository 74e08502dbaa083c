import { createLog } from './log.js';
import { Shutdown } from './shutdown.js';

const log = createLog({ name: 'test', level: 'silent' });

function shutdown(limitMs: number) {
  const exits: number[] = [];
  let end: (code: number) => void;
  const ended = new Promise<number>((resolve) => (end = resolve));
  const exit = (code: number) => {
    exits.push(code);
    end(code);
  };
  return { shutdown: new Shutdown({ log, limitMs, exit }), ended, exits };
}

describe('shutdown', () => {
  it('ends what was started last first, also past a step that fails or hangs', async () => {
    const { shutdown: end, exits } = shutdown(5000);
    const order: string[] = [];
    end.atEnd('connections', () => order.push('connections'));
    end.atEnd('hung', () => new Promise(() => undefined), 10);
    end.atEnd('failing', () => Promise.reject(new Error('no')));
    end.atEnd('workers', async () => order.push('workers'));
    await Promise.all([end.run('SIGTERM', 0), end.run('SIGTERM', 0)]);
    expect(order).toEqual(['workers', 'connections']);
    expect(exits).toEqual([0]);
    expect(end.signal.aborted).toBe(true);
  });

  it('ends at its limit when a step hangs longer', async () => {
    const { shutdown: end, ended } = shutdown(20);
    end.atEnd('hung', () => new Promise(() => undefined), 200);
    const run = end.run('SIGTERM', 0);
    expect(await ended).toBe(1);
    await run;
  });
});
