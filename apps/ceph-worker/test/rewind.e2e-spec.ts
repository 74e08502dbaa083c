import { randomUUID } from 'node:crypto';
import * as tools from '@plumbline/stack';
import { System } from '@plumbline/testing';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';

const minuteMs = 60_000;
/** A tick every five seconds, on a busy machine. */
const tickedMs = 30_000;
const ringEveryMs = 25;
/** Long enough for a whole pass of the scrubber with its second look. */
const reportedMs = 90_000;

interface ShownHalt {
  readonly halted: boolean;
  readonly registryTick: number | null;
  readonly witnesses?: Readonly<Record<string, number>>;
}

/** Consul is restored from an older snapshot, or loses everything, under a running system. */
describe('a registry that was set back', () => {
  let system: System;
  let redis: Redis;
  let queue: Queue;

  beforeAll(async () => {
    system = await System.start(tools);
    redis = new Redis(system.variable('REDIS_URL'), { maxRetriesPerRequest: null });
    queue = new Queue('ceph', { connection: redis });
  }, 3 * minuteMs);

  afterAll(async () => {
    await queue.close();
    redis.disconnect();
    await system.stack.stop();
  }, minuteMs);

  const consul = async (method: string, path: string, body?: Uint8Array): Promise<Uint8Array> => {
    const url = `${system.variable('CONSUL_HTTP_ADDR')}/v1/${path}`;
    const answer = await fetch(url, {
      method,
      signal: AbortSignal.timeout(minuteMs),
      ...(body && { body }),
    });
    if (!answer.ok) throw new Error(`Consul answered ${answer.status}: ${await answer.text()}`);
    return new Uint8Array(await answer.arrayBuffer());
  };

  const tick = async (): Promise<number> =>
    ((await system.registry()).get('tick')?.value as { tick: number } | undefined)?.tick ?? 0;

  const halt = async (): Promise<ShownHalt | null> => {
    const answer = await system.operate<ShownHalt>('GET', 'halt').catch(() => null);
    return answer?.status === 200 ? answer.body : null;
  };

  const untilTicked = async (times: number): Promise<void> => {
    const before = await tick();
    await tools.waitFor(async () => (await tick()) >= before + times, {
      what: 'the registry to tick',
      deadlineMs: tickedMs,
    });
  };

  const untilTestified = (names: readonly string[]) =>
    tools.waitFor(
      async () => {
        const shown = await halt();
        return shown?.halted === true && names.every((name) => name in (shown.witnesses ?? {}));
      },
      { what: `the halt, with what ${names.join(' and ')} remember`, deadlineMs: tickedMs },
    );

  const confirm = (reason: string) => system.operate('POST', 'halt', { by: 'e2e', reason });

  const untilDead = async (names: readonly string[]): Promise<void> => {
    const isDead = async (): Promise<boolean> => {
      const states = new Map((await system.stack.status()).map(({ name, state }) => [name, state]));
      return names.every((name) => states.get(name) === 'dead');
    };
    await tools.waitFor(isDead, { what: `the end of ${names.join(', ')}` });
  };

  const ringOnAndOn = (resource: string): (() => void) => {
    const timer = setInterval(() => void queue.add('look', { resource }), ringEveryMs);
    return () => clearInterval(timer);
  };

  const imageNames = async () => (await system.images()).map(({ name }) => name).sort();

  it(
    'halts everything before anything is destroyed, says so everywhere, and goes on when an operator confirms',
    async () => {
      const kept = await system.create('kept');
      const doomed = await system.create('doomed');
      await untilTicked(1);
      await queue.pause();
      const deleting = system.ask('DELETE', `/v2/volumes/${doomed}`);
      await tools.waitFor(async () => (await system.lanes()).length === 1, { what: 'the delete to wait' });
      const snapshot = await consul('GET', 'snapshot');
      await queue.resume();
      await system.stack.scale('ceph-worker', 2);
      expect((await deleting).status).toBe(204);
      const forgotten = await system.create('forgotten');
      await system.act(kept, { type: 'resize', size_gigabytes: 3 });
      await tools.waitFor(async () => (await system.lanes()).length === 0, { what: 'the image’s end' });
      await untilTicked(2);
      // Somebody wants it back after all: in the registry's own time this image is nobody's to remove.
      const conf = system.variable('CEPH_CONF');
      const pool = system.variable('PLUMBLINE_POOL');
      await tools.restoreFromTrash(conf, pool, `volume-${doomed}`);
      const before = await imageNames();
      expect(before).toHaveLength(3);

      // The delete is there again, and rung at once: perhaps before anybody has seen that the registry is an old one.
      const stopRinging = ringOnAndOn(`volume/${doomed}`);
      await consul('PUT', 'snapshot', snapshot);
      await untilTestified(['ceph', 'billing']);
      stopRinging();
      await queue.add('look', { resource: `volume/${doomed}` });
      // A worker that the snapshot does not know ends itself.
      await untilDead(['ceph-worker-2']);

      const refused = await system.ask<{ message: string }>('POST', '/v2/volumes', {
        body: system.wish('refused'),
      });
      expect([refused.status, refused.body.message]).toEqual([503, expect.stringMatching(/\(halted\)$/)]);
      expect((await system.ask('GET', `/v2/volumes/${kept}`)).status).toBe(200);
      expect((await system.readiness('ceph-worker-1'))?.missing).toContain('halt');
      expect(await system.readiness('api')).toMatchObject({ status: 200, degraded: ['halt'] });
      expect(await system.metric('ceph-worker-1', 'plumbline_halted')).toBe(1);
      expect(system.logged('ceph-worker-1')).toMatch(/halted: .*rewound\.md/);
      const stood = await tick();
      await new Promise((resolve) => setTimeout(resolve, 6_000)); // Longer than a tick, and than a sweep.
      expect([await tick(), await imageNames()]).toEqual([stood, before]);

      expect((await confirm('restored on purpose')).status).toBe(200);
      expect((await halt())?.halted).toBe(false);
      await system.stack.restore();
      // A worker may have told the registry of the pause before the snapshot.
      expect((await system.operate('PATCH', 'throttles/ceph', { by: 'e2e', paused: false })).status).toBe(
        200,
      );
      await system.create('afterwards');
      // Billing has learnt of a second version of this one already, which the registry has forgotten.
      await system.act(kept, { type: 'resize', size_gigabytes: 2 });
      await tools.waitFor(
        async () =>
          ![...(await system.registry()).keys()].some((key) => key.includes(`owed/billing/volume/${kept}`)),
        { what: 'billing to learn of it', deadlineMs: minuteMs },
      );
      // What was recorded before the snapshot is carried out now, the delete with it.
      await tools.waitFor(async () => (await system.lanes()).length === 0, {
        what: 'the lanes to be empty',
        deadlineMs: minuteMs,
      });
      expect(await imageNames()).not.toContain(`volume-${doomed}`);
      await untilTicked(2);
      await system.stack.halt('scrubber-1');
      await system.stack.restore(); // It looks at everything when it starts.
      await tools.waitFor(async () => JSON.stringify(await discrepancies()).includes(forgotten), {
        what: 'the forgotten volume to be reported',
        deadlineMs: reportedMs,
      });
      expect(await imageNames()).toContain(`volume-${forgotten}`);
    },
    5 * minuteMs,
  );

  const discrepancies = async () => (await system.operate('GET', 'discrepancies')).body;

  it(
    'halts when everything in it is lost, and removes nothing when that is confirmed',
    async () => {
      const before = await imageNames();
      await untilTicked(2);
      await consul('DELETE', 'kv/plumbline/?recurse');
      await untilDead(['api', 'ceph-worker-1', 'billing-worker-1', 'scrubber-1']);
      const restored = system.stack.restore();
      await untilTestified(['ceph', 'billing']);
      expect(await tick()).toBe(0);
      expect((await confirm(`begun anew ${randomUUID()}`)).status).toBe(200);
      await restored;
      await untilTicked(1);
      expect(await imageNames()).toEqual(before);
    },
    4 * minuteMs,
  );
});
