import { randomUUID } from 'node:crypto';
import type {
  AccountId,
  DiscrepancyRecord,
  OwedFact,
  RegionSlug,
  ResourceName,
  VolumeId,
} from '@plumbline/domain';
import {
  AstrayRecords,
  Discrepancies,
  OwedFacts,
  allLanes,
  nameSource,
  ownerSource,
  recordedVolumeIds,
} from '@plumbline/registry';
import { registryName, registryOwner } from '@plumbline/registry-facets';
import { createFakeRegistry, type FakeRegistry } from './fake-registry.js';

/** More than one transaction can hold. */
const MANY = 130;

async function all<T>(items: AsyncIterable<T>): Promise<readonly T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

describe('readers of the registry', () => {
  let registry: FakeRegistry;
  beforeEach(async () => {
    registry = await createFakeRegistry();
  });
  const put = (key: string, value: unknown): void =>
    void registry.consul.store.transact([{ verb: 'set', key, value: JSON.stringify(value) }]);

  it('walks through everything owed to one source and takes away what was learnt, and nothing else', async () => {
    const facts = Array.from({ length: MANY }, (_, i): OwedFact => {
      const resource: ResourceName = `volume/${randomUUID()}`;
      return {
        resource,
        intent: randomUUID(),
        source: 'billing',
        facet: 'billing.subscription',
        account: 'a',
        rev: i,
        at: i,
        want: null,
      } as OwedFact;
    });
    for (const fact of facts) put(registry.layout.owed('billing', fact.resource, fact.intent), fact);
    put(registry.layout.owed('ceph', facts[0]!.resource, facts[0]!.intent), facts[0]);
    const owed = new OwedFacts({ ...registry, source: 'billing' });
    const learnt: OwedFact[] = [];
    for await (const batch of owed.batches()) {
      learnt.push(...batch.map(({ fact }) => fact));
      if (learnt.length <= MANY / 2) await owed.remove(batch);
    }
    expect(learnt.sort((one, other) => one.rev - other.rev)).toEqual(facts);
    const left = (await all(owed.batches())).flat();
    expect(left.length).toBe(MANY - 50);
    expect(registry.consul.store.keys(registry.layout.owedTo('ceph'))).toHaveLength(1);
  });

  it('walks through all lanes with the indexes that their changes move', async () => {
    const resources = Array.from({ length: MANY }, (): ResourceName => `volume/${randomUUID()}`).sort();
    for (const resource of resources) put(registry.layout.lane(resource), { resource, entries: [] });
    const before = await all(allLanes(registry));
    expect(before.map(({ lane }) => lane.resource)).toEqual(resources);
    put(registry.layout.lane(resources[7]!), { resource: resources[7], entries: [1] });
    const after = await all(allLanes(registry));
    expect(after.flatMap(({ index }, i) => (index === before[i]!.index ? [] : [i]))).toEqual([7]);
  });

  it('walks through the ids of all volumes in their order, each once, from any on', async () => {
    const accounts = Array.from({ length: 4 }, () => randomUUID() as AccountId);
    const ids = Array.from({ length: MANY }, () => randomUUID() as VolumeId).sort();
    for (const [at, id] of ids.entries()) put(registry.layout.volume(accounts[at % 4]!, id), {});
    put(registry.layout.volume(accounts[1]!, ids[0]!), {});
    put(registry.layout.volume(accounts[1]!, 'not an id' as VolumeId), {});
    put(registry.layout.owner(randomUUID() as VolumeId), 'account');
    expect(await all(recordedVolumeIds(registry))).toEqual(ids);
    expect(await all(recordedVolumeIds(registry, ids[99]))).toEqual(ids.slice(100));
  });

  it('tells of whatever somebody wrote as a volume by what stands there, and finds it again', async () => {
    const account = randomUUID() as AccountId;
    const written = ['a', 'a b', 'a-b', 'a\tb'] as VolumeId[];
    for (const id of written) put(registry.layout.volume(account, id), {});
    const signal = new AbortController().signal;
    const owners = await all(ownerSource(registry, registryOwner, new AstrayRecords()).list(signal));
    expect(owners.map(({ key }) => key).sort()).toEqual([...written].sort());
    const names = nameSource(registry, registryName);
    const place = registry.layout.heldName({ account, region: 'nyc1' as RegionSlug, name: 'held' });
    registry.consul.store.transact([{ verb: 'set', key: place, value: 'some/ body' }]);
    const [listed] = await all(names.list(signal));
    expect(listed?.seen).toEqual({ volume: 'some/ body', own: true, named: false });
    expect(await names.observe(listed!, signal)).toEqual(listed?.seen);
  });

  it('keeps one discrepancy for each thing, whatever host it is on, until it is removed', async () => {
    const discrepancies = new Discrepancies(registry);
    const of = (host: string | null, lastSeenAt: number): DiscrepancyRecord =>
      ({ facet: 'qemu.device', key: 'v1', host, lastSeenAt }) as unknown as DiscrepancyRecord;
    for (const record of [of('a', 1), of('b', 1), of(null, 1), of('a', 2)])
      await discrepancies.change(record, () => record);
    expect(await discrepancies.list()).toHaveLength(3);
    await discrepancies.change(of('b', 9), () => null);
    expect(await discrepancies.list()).toEqual(expect.arrayContaining([of('a', 2), of(null, 1)]));
  });
});
