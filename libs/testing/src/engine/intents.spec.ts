import type { VolumeId } from '@plumbline/domain';
import { intentCatalog } from '@plumbline/intents';
import { describeIntent, expectAgreement } from './describe-intent.js';
import type { Story } from './describe-intent.js';
import { EngineWorld, NYC1, OTHER_VM, VM } from './engine-world.js';

const volumeId = '0f4d7a51-7f0e-4c8b-9a51-0d2b6a3c9e10' as VolumeId;
const account = '5d2f0a1c-3b4e-4f60-8a7b-9c0d1e2f3a4b';
const create = {
  kind: 'volume-create',
  params: { volumeId, account, name: 'data', description: '', sizeGib: 2, region: NYC1, tags: [] },
};
const attach = { kind: 'volume-attach', params: { volumeId, vm: VM, host: '', region: null } };
const detach = { kind: 'volume-detach', params: { volumeId, vm: VM, region: null } };
const resize = { kind: 'volume-resize', params: { volumeId, sizeGib: 5, region: null } };
const remove = { kind: 'volume-delete', params: { volumeId } };

const stories: readonly Story[] = [
  [create],
  [create, resize],
  [create, attach],
  [create, attach, resize],
  [create, attach, detach],
  [create, remove],
];

stories.forEach((story) => describeIntent(story));

it('proves every kind there is', () => {
  expect(new Set(stories.map((story) => story.at(-1)?.kind))).toEqual(new Set(intentCatalog.keys()));
});

describe('a lane', () => {
  it('carries out what was queued in its order, each on what the one before left', async () => {
    const world = await EngineWorld.open();
    const actions = [];
    for (const { kind, params } of [create, resize, attach, detach])
      actions.push(await world.admit(kind, params));
    await world.settle(`volume/${volumeId}`);
    const ended = await Promise.all(actions.map((action) => world.action(action)));
    expect(ended.map(({ kind, message }) => message ?? kind)).toEqual(ended.map(({ kind }) => kind));
    await expectAgreement(world);
  });

  it('undoes a create that is deleted before it is finished, and both end', async () => {
    for (const fate of ['served', 'rejected', 'lost-after'] as const) {
      const world = await EngineWorld.open({ calls: (n) => (n === 1 ? fate : 'served') });
      const created = await world.admit(create.kind, create.params);
      const grown = await world.admit(resize.kind, resize.params);
      const removed = await world.admit(remove.kind, remove.params);
      await world.settle(`volume/${volumeId}`);
      expect((await world.action(created)).status).toBe('errored');
      expect((await world.action(grown)).status).toBe('errored');
      expect((await world.action(removed)).status).toBe('completed');
      await expectAgreement(world);
    }
  });

  it('refuses what the pending work will have made impossible', async () => {
    const world = await EngineWorld.open();
    await world.admit(create.kind, create.params);
    await world.admit(attach.kind, attach.params);
    await expect(world.admit(remove.kind, remove.params)).rejects.toMatchObject({ code: 'conflict' });
    await expect(world.admit(attach.kind, { ...attach.params, vm: OTHER_VM })).rejects.toMatchObject({
      code: 'unprocessable_entity',
    });
    await expect(world.admit(resize.kind, { ...resize.params, sizeGib: 2 })).rejects.toMatchObject({
      field: 'size_gigabytes',
    });
    await world.settle(`volume/${volumeId}`);
    await expectAgreement(world);
  });

  it('never exceeds the quota, and gives back what an undone intent had reserved', async () => {
    const world = await EngineWorld.open({ calls: (n) => (n === 2 ? 'rejected' : 'served') });
    await world.admit(create.kind, create.params);
    await world.settle(`volume/${volumeId}`);
    await expect(world.admit(resize.kind, { ...resize.params, sizeGib: 1001 })).rejects.toMatchObject({
      code: 'forbidden',
    });
    const grown = await world.admit(resize.kind, { ...resize.params, sizeGib: 1000 });
    await world.settle(`volume/${volumeId}`);
    expect((await world.action(grown)).status).toBe('errored');
    await expectAgreement(world);
  });
});
