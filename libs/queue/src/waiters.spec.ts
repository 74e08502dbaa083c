import { randomUUID } from 'node:crypto';
import type { IntentId, ResourceName } from '@plumbline/domain';
import type { Wake } from './bell.js';
import { eventually, silent } from './testing/test-redis.js';
import { Waiters } from './waiters.js';

type Ended = ReadonlyMap<IntentId, string>;

function waitersOn(look: (intents: readonly IntentId[]) => Promise<Ended>) {
  let hear: (wakes: readonly Wake[]) => void = () => undefined;
  const listener = {
    listen: async (_channel: string, hearer: (message: unknown) => void) => void (hear = hearer),
  };
  const waiters = new Waiters<string>({
    listener,
    log: silent,
    look: (waiting) => look(waiting.map(({ intent }) => intent)),
  });
  return { waiters, wake: (...wakes: Wake[]) => hear(wakes) };
}

const newWaiting = (): Wake => ({
  resource: `volume/${randomUUID()}` satisfies ResourceName,
  intent: randomUUID() as IntentId,
});

describe('waiters', () => {
  it('look again when woken during a look, which may have seen what was before the wake', async () => {
    const answers: ((ended: Ended) => void)[] = [];
    const { waiters, wake } = waitersOn(() => new Promise((resolve) => answers.push(resolve)));
    const waiting = newWaiting();
    const result = waiters.waitFor(waiting, { deadlineMs: 10_000 });
    wake(waiting);
    await eventually(() => expect(answers).toHaveLength(1));
    wake(waiting);
    await new Promise((resolve) => setTimeout(resolve, 20));
    answers[0]?.(new Map());
    await eventually(() => expect(answers).toHaveLength(2));
    answers[1]?.(new Map([[waiting.intent, 'done']]));
    expect(await result).toBe('done');
    waiters.close();
  });

  it('look once for a crowd that is woken together, and poll all that wait in one go', async () => {
    const looks: (readonly IntentId[])[] = [];
    const ended = new Map<IntentId, string>();
    const { waiters, wake } = waitersOn(async (intents) => {
      looks.push(intents);
      return ended;
    });
    const crowd = Array.from({ length: 300 }, newWaiting);
    const results = crowd.map((waiting) => waiters.waitFor(waiting, { deadlineMs: 10_000 }));
    const woken = crowd.slice(0, 100);
    for (const { intent } of woken) ended.set(intent, 'done');
    for (const waiting of woken) wake(waiting);
    await Promise.all(results.slice(0, 100));
    expect(looks).toEqual([woken.map(({ intent }) => intent)]);
    for (const { intent } of crowd) ended.set(intent, 'done');
    await Promise.all(results);
    expect(looks).toHaveLength(2);
    expect(waiters.waitingCount).toBe(0);
  });

  it('go on after a look that failed', async () => {
    let looks = 0;
    const waiting = newWaiting();
    const { waiters, wake } = waitersOn(async () => {
      looks++;
      if (looks === 1) throw new Error('the registry is away');
      return new Map([[waiting.intent, 'done']]);
    });
    const result = waiters.waitFor(waiting, { deadlineMs: 10_000 });
    wake(waiting);
    expect(await result).toBe('done');
  });

  it('end without an answer when the client is gone, the deadline passed or the process ends', async () => {
    const { waiters } = waitersOn(async () => new Map());
    const gone = new AbortController();
    const left = waiters.waitFor(newWaiting(), { deadlineMs: 60_000, signal: gone.signal });
    const late = waiters.waitFor(newWaiting(), { deadlineMs: 5 });
    const last = waiters.waitFor(newWaiting(), { deadlineMs: 60_000 });
    gone.abort();
    expect(await Promise.all([left, late])).toEqual([null, null]);
    waiters.close();
    expect(await last).toBe(null);
  });
});
