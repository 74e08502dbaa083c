import { setTimeout as sleep } from 'node:timers/promises';
import type { ResourceName } from '@plumbline/domain';
import { createLog } from '@plumbline/platform';
import { createFakeRegistry } from '@plumbline/testing';
import { Boots } from './boots.js';
import type { Process } from './process.js';

const LANE = 'volume/6fa2c9d0-0f3c-4f0e-9d44-8a4f3f1f7b11' as ResourceName;
const WITHIN_MS = 30_000;

describe('boots, as a worker sees them', () => {
  it('rings what a boot held, as soon as it is gone', async () => {
    const registry = await createFakeRegistry();
    const { store } = registry.consul;
    const dead = await createFakeRegistry({ consul: registry.consul });
    const lane = { resource: LANE, account: 'a', entries: [{ attempt: { boot: dead.boot }, plan: null }] };
    const record = { ...JSON.parse(store.get(dead.layout.boot(dead.boot))!.value), state: 'fencing' };
    store.transact([
      { verb: 'set', key: registry.layout.lane(LANE), value: JSON.stringify(lane) },
      { verb: 'set', key: dead.layout.boot(dead.boot), value: JSON.stringify(record) },
    ]);
    const rung: string[] = [];
    const stop = new AbortController();
    const bell = {
      ring: (_queue: string, resource: string) => Promise.resolve(rung.push(resource) > 0),
    };
    const log = createLog({ name: 'test', level: 'silent' });
    // All of a process that its boots need.
    const config = { hostGivenUpMs: WITHIN_MS };
    const boots = new Boots({
      config,
      registry,
      bell,
      log,
      shutdown: { atEnd: () => undefined, signal: stop.signal },
    } as unknown as Process);
    boots.takeOverWith(
      { address: 'own', fence: () => Promise.resolve() },
      { sure: () => Promise.resolve(true) },
    );
    await boots.start();
    try {
      for (let ms = 0; rung.length < 1 && ms < WITHIN_MS; ms += 20) await sleep(20);
      expect(rung).toEqual([LANE]);
      expect(store.get(dead.layout.boot(dead.boot))).toBeNull();
    } finally {
      stop.abort();
      boots.view.stop();
    }
  });
});
