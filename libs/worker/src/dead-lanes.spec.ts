import { jest } from '@jest/globals';
import type { BootId, ResourceName } from '@plumbline/domain';
import { createFakeRegistry } from '@plumbline/testing';
import { RINGS_MAX, RING_AGAIN_MS, ringLanesOf } from './dead-lanes.js';
import type { Process } from './process.js';

const TAKEN_UP = 'volume/6fa2c9d0-0f3c-4f0e-9d44-8a4f3f1f7b11' as ResourceName;
const LEFT = 'volume/b1c2c9d0-0f3c-4f0e-9d44-8a4f3f1f7b22' as ResourceName;
const ANOTHERS = 'volume/c1c2c9d0-0f3c-4f0e-9d44-8a4f3f1f7b33' as ResourceName;
const RING_THAT_WORKS = 3;
const HOSTS = { isHostAway: () => false, isHostGivenUp: () => false };

describe('lanes of a boot that was taken over', () => {
  afterEach(() => jest.useRealTimers());

  it('are rung ahead of others until somebody has taken them up, and left to the sweep after some rings', async () => {
    const registry = await createFakeRegistry();
    const { store } = registry.consul;
    const dead = crypto.randomUUID() as BootId;
    const hold = (resource: ResourceName, boot: string): void => {
      const lane = { resource, account: 'a', entries: [{ attempt: { boot }, plan: null }] };
      store.transact([{ verb: 'set', key: registry.layout.lane(resource), value: JSON.stringify(lane) }]);
    };
    hold(TAKEN_UP, dead);
    hold(LEFT, dead);
    hold(ANOTHERS, 'another');
    const rung: ResourceName[] = [];
    const bell = {
      ring: (_queue: string, resource: ResourceName, ring: object) => {
        rung.push(resource);
        expect(ring).toEqual({ account: 'a', ahead: true, anew: true });
        const rings = rung.filter((one) => one === TAKEN_UP).length;
        if (resource === TAKEN_UP && rings === RING_THAT_WORKS) hold(TAKEN_UP, 'another');
        return Promise.resolve(false);
      },
    };
    const shutdown = { signal: new AbortController().signal };
    const process = { registry, bell, shutdown } as unknown as Process; // All of a process that this needs.
    jest.useFakeTimers();
    const left = ringLanesOf(process, dead, HOSTS);
    await jest.advanceTimersByTimeAsync((RINGS_MAX + 1) * RING_AGAIN_MS);
    expect(await left).toBe(1);
    const ringsOf = (resource: ResourceName) => rung.filter((one) => one === resource).length;
    expect([TAKEN_UP, LEFT, ANOTHERS].map(ringsOf)).toEqual([RING_THAT_WORKS, RINGS_MAX, 0]);
  });
});
