import { TransientError, UncertainError } from '@plumbline/domain';
import { CallGate } from './call-gate.js';

const never = new AbortController().signal;

/** A native call that ends when it is told to. */
function hanging() {
  let end: () => void = () => {};
  const ended = new Promise<void>((resolve) => (end = resolve));
  return { call: () => ended, end };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('CallGate', () => {
  it('ends the waiting at once, and begins nothing else on that thing until the call has ended', async () => {
    const gate = new CallGate(8);
    const first = hanging();
    const aborted = new AbortController();
    const events: string[] = [];
    const late = gate.run({ key: 'a', what: 'hang', signal: aborted.signal }, async (turn) => {
      await turn.call(first.call);
      events.push('late effect');
      await turn.call(async () => events.push('begun for nobody'));
    });
    await settled();
    aborted.abort();
    await expect(late).rejects.toThrow(UncertainError);
    const next = gate.run({ key: 'a', what: 'go on', signal: never }, (turn) =>
      turn.call(async () => events.push('next')),
    );
    const idle = gate.idle('a').then(() => events.push('idle'));
    await gate.run({ key: 'b', what: 'be elsewhere', signal: never }, (turn) =>
      turn.call(async () => events.push('elsewhere')),
    );
    await settled();
    expect(events).toEqual(['elsewhere']);
    first.end();
    await next;
    await idle;
    expect(events).toEqual(['elsewhere', 'late effect', 'next', 'idle']);
  });

  it('gives back what was opened even when nobody waits any more', async () => {
    const gate = new CallGate(1);
    const open = hanging();
    const aborted = new AbortController();
    let closed = false;
    const work = gate.run({ key: 'a', what: 'use', signal: aborted.signal }, async (turn) => {
      await turn.call(open.call);
      try {
        await turn.call(async () => {});
      } finally {
        await turn.release(async () => (closed = true));
      }
    });
    await settled();
    aborted.abort();
    await expect(work).rejects.toThrow(UncertainError);
    open.end();
    await gate.idle('a');
    expect(closed).toBe(true);
  });

  it('keeps the open calls below its limit, and forgets those whose time was over before their place came', async () => {
    const gate = new CallGate(2);
    const calls = [hanging(), hanging()];
    let open = 0;
    const both = calls.map((one, n) =>
      gate.beside({ what: `${n}`, signal: never }, (turn) =>
        turn.call(() => {
          open += 1;
          return one.call();
        }),
      ),
    );
    const aborted = new AbortController();
    let begun = false;
    const third = gate.beside({ what: 'third', signal: aborted.signal }, (turn) =>
      turn.call(async () => (begun = true)),
    );
    await settled();
    expect(open).toBe(2);
    expect(begun).toBe(false);
    aborted.abort();
    await expect(third).rejects.toThrow(UncertainError);
    for (const one of calls) one.end();
    await Promise.all(both);
    await gate.close();
    expect(begun).toBe(false);
  });

  it('refuses everything once closed, and is closed when all that was begun has ended', async () => {
    const gate = new CallGate(2);
    const one = hanging();
    let begunAfter = false;
    const work = gate.run({ key: 'a', what: 'work', signal: never }, async (turn) => {
      await turn.call(one.call);
      await turn.call(async () => (begunAfter = true));
    });
    const outcome = expect(work).rejects.toThrow(TransientError);
    await settled();
    let closed = false;
    const closing = gate.close().then(() => (closed = true));
    await expect(gate.run({ key: 'b', what: 'more', signal: never }, async () => {})).rejects.toThrow(
      TransientError,
    );
    await settled();
    expect(closed).toBe(false);
    one.end();
    await closing;
    await outcome;
    expect(begunAfter).toBe(false);
  });
});
