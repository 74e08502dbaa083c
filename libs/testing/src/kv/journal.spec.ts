import type { AccountId, Json, ResourceName, VolumeId } from '@plumbline/domain';
import { intentCatalog } from '@plumbline/intents';
import { createJournal } from '@plumbline/registry';
import { EngineWorld, NYC1 } from '../engine/engine-world.js';
import { createFakeRegistry } from './fake-registry.js';

const STRANGER = '99999999-3b4e-4f60-8a7b-9c0d1e2f3a4b' as AccountId;

describe('journal', () => {
  it('believes whose a volume is only where the registry bears it out', async () => {
    const world = await EngineWorld.open();
    const volumeId = world.uuid();
    const resource: ResourceName = `volume/${volumeId}`;
    const sameForAll = async (): Promise<void> => {
      const plain = await world.snapshot(resource);
      for (const hint of [undefined, world.account.id, STRANGER]) {
        const { kv, layout } = await createFakeRegistry({ consul: world.consul });
        const journal = createJournal({ kv, layout, nonce: () => world.uuid() });
        expect(await journal.read(resource, hint)).toEqual(plain);
        expect(await journal.read(resource, STRANGER)).toEqual(plain);
      }
    };
    await sameForAll();
    await world.admit('volume-create', {
      volumeId,
      account: world.account.id,
      name: 'a',
      description: '',
      region: NYC1,
      sizeGib: 1,
      tags: [],
    });
    await sameForAll();
    await world.settle(resource);
    await sameForAll();
    await world.admit('volume-delete', { volumeId });
    await world.settle(resource);
    await sameForAll();
  });

  it('believes a lane rather than what it was once told by a wrong owner’s key', async () => {
    const world = await EngineWorld.open();
    const volumeId = world.uuid();
    const resource: ResourceName = `volume/${volumeId}`;
    const example = intentCatalog.get('volume-create')?.example as Record<string, Json>;
    await world.admit('volume-create', { ...example, volumeId });
    await world.settle(resource);
    const { kv, layout } = await createFakeRegistry({ consul: world.consul });
    const journal = createJournal({ kv, layout, nonce: () => world.uuid() });
    world.consul.store.transact([{ verb: 'set', key: layout.owner(volumeId as VolumeId), value: STRANGER }]);
    expect((await journal.read(resource)).record).toBeNull();
    await world.admit('volume-resize', { volumeId, region: null, sizeGib: 3 });
    const { lane, record } = await journal.read(resource);
    expect([lane?.account, record?.id]).toEqual([world.account.id, volumeId]);
  });
});
