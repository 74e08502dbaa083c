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

  it.each(['volume-delete', 'volume-release'])(
    'frees by a %s only a name that is still the volume’s own',
    async (kind) => {
      const world = await EngineWorld.open();
      const example = (of: string) => intentCatalog.get(of)?.example as Record<string, Json>;
      const { layout } = await createFakeRegistry({ consul: world.consul });
      const key = layout.name({ account: world.account.id, region: NYC1, kind: 'volume', name: 'ours' });
      const nameIs = () => world.consul.store.get(key)?.value;
      const create = async (): Promise<string> => {
        const volumeId = world.uuid();
        await world.admit('volume-create', { ...example('volume-create'), volumeId, name: 'ours' });
        await world.settle(`volume/${volumeId}`);
        return volumeId;
      };
      const end = async (volumeId: string): Promise<void> => {
        await world.admit(kind, { ...example(kind), volumeId });
        await world.settle(`volume/${volumeId}`);
        expect((await world.snapshot(`volume/${volumeId}`)).record).toBeNull();
      };
      const first = await create();
      world.consul.store.transact([{ verb: 'delete', key }]);
      const second = await create();
      await end(first);
      expect(nameIs()).toBe(second);
      await expect(create()).rejects.toThrow('already exists');
      await end(second);
      expect(nameIs()).toBeUndefined();
    },
  );

  it('frees no name that another has taken while a create is undone', async () => {
    const world = await EngineWorld.open({ calls: (n) => (n === 1 ? 'rejected' : 'served') });
    const { layout } = await createFakeRegistry({ consul: world.consul });
    const key = layout.name({ account: world.account.id, region: NYC1, kind: 'volume', name: 'ours' });
    const example = intentCatalog.get('volume-create')?.example as Record<string, Json>;
    const volumeId = world.uuid();
    const action = await world.admit('volume-create', { ...example, volumeId, name: 'ours' });
    world.consul.store.transact([{ verb: 'set', key, value: STRANGER }]);
    await world.settle(`volume/${volumeId}`);
    expect(await world.action(action)).toMatchObject({ status: 'errored' });
    expect(world.consul.store.get(key)?.value).toBe(STRANGER);
  });
});
