import { Refusal } from '@plumbline/domain';
import { EXAMPLE_VOLUME, intentCatalog } from '@plumbline/intents';
import { DAMAGES, ONLY_AFTER_DAMAGE } from './damages.js';
import { describeIntent, expectAgreement, tell } from './describe-intent.js';
import type { Story } from './describe-intent.js';
import { EngineWorld, OTHER_VM } from './engine-world.js';

const volumeId = EXAMPLE_VOLUME;
const exampleOf = (kind: string) => ({ kind, params: intentCatalog.get(kind)?.example ?? null });
const create = exampleOf('volume-create');
const attach = exampleOf('volume-attach');
const detach = exampleOf('volume-detach');
const resize = exampleOf('volume-resize');
const remove = exampleOf('volume-delete');

/**
 * Every kind from every state that it may be asked for in: nothing there, a volume, a volume in a VM, one that was deleted;
 * a repair also after whatever it is there for.
 */
const stories: readonly Story[] = [[], [create], [create, attach], [create, remove]].flatMap((before) =>
  [...intentCatalog.keys()].flatMap((kind) => [
    ...(ONLY_AFTER_DAMAGE.has(kind) ? [] : [[...before, exampleOf(kind)]]),
    ...Object.entries(DAMAGES[kind] ?? {}).map(([what, damage]) => [
      ...before,
      { ...exampleOf(kind), after: { what, damage } },
    ]),
  ]),
);

for (const story of stories) if (await isAdmitted(story)) describeIntent(story);

async function isAdmitted(story: Story): Promise<boolean> {
  try {
    await tell(story, {});
    return true;
  } catch (error) {
    if (error instanceof Refusal) return false;
    throw error;
  }
}

it('proves every kind there is', async () => {
  const admitted = await Promise.all(
    stories.map(async (story) => (await isAdmitted(story)) && story.at(-1)?.kind),
  );
  expect(new Set(admitted.filter(Boolean))).toEqual(new Set(intentCatalog.keys()));
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
      expect(world.woken).toEqual([created, grown, removed].map(({ intent }) => intent));
      // Also an id that nobody had begun to make anything of was minted, and is never used again.
      expect(await world.json((layout) => layout.tombstone(volumeId))).toMatchObject({ id: volumeId });
      await expectAgreement(world);
    }
  });

  it('refuses what the pending work will have made impossible', async () => {
    const world = await EngineWorld.open();
    await world.admit(create.kind, create.params);
    await world.admit(attach.kind, attach.params);
    await expect(world.admit(remove.kind, remove.params)).rejects.toMatchObject({ code: 'conflict' });
    await expect(
      world.admit(attach.kind, { ...(attach.params as object), vm: OTHER_VM }),
    ).rejects.toMatchObject({
      code: 'unprocessable_entity',
    });
    await expect(
      world.admit(resize.kind, { ...(resize.params as object), sizeGib: 2 }),
    ).rejects.toMatchObject({
      field: 'size_gigabytes',
    });
    await world.settle(`volume/${volumeId}`);
    await expectAgreement(world);
  });

  it('never takes an id a second time, whatever has become of its volume', async () => {
    for (const before of [[create], [create, remove]]) {
      for (const looks of [0, 1, 60]) {
        const world = await EngineWorld.open({ calls: (n) => (n === 2 ? 'transient' : 'served') });
        for (const { kind, params } of before) await world.admit(kind, params);
        for (let at = 0; at < looks; at += 1) await world.look(`volume/${volumeId}`);
        await expect(world.admit(create.kind, create.params)).rejects.toBeInstanceOf(Refusal);
      }
    }
  });

  it('never exceeds the quota, and gives back what an undone intent had reserved', async () => {
    const world = await EngineWorld.open({ calls: (n) => (n === 2 ? 'rejected' : 'served') });
    await world.admit(create.kind, create.params);
    await world.settle(`volume/${volumeId}`);
    await expect(
      world.admit(resize.kind, { ...(resize.params as object), sizeGib: 1001 }),
    ).rejects.toMatchObject({
      code: 'forbidden',
    });
    const grown = await world.admit(resize.kind, { ...(resize.params as object), sizeGib: 1000 });
    await world.settle(`volume/${volumeId}`);
    expect((await world.action(grown)).status).toBe('errored');
    await expectAgreement(world);
  });
});
