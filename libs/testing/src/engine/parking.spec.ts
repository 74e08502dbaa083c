import { Refusal, resolvePlan } from '@plumbline/domain';
import type { LaneEntry, VolumeRecord } from '@plumbline/domain';
import { EDITS } from '@plumbline/engine';
import { EXAMPLE_VOLUME, intentCatalog } from '@plumbline/intents';
import { expectAgreement, tell } from './describe-intent.js';
import type { Story } from './describe-intent.js';
import { NYC1 } from './engine-world.js';
import type { EngineWorld } from './engine-world.js';

const resource = `volume/${EXAMPLE_VOLUME}` as const;
const exampleOf = (kind: string) => ({ kind, params: intentCatalog.get(kind)?.example ?? null });
const create = exampleOf('volume-create');
const attach = exampleOf('volume-attach');
const detach = exampleOf('volume-detach');
const resize = exampleOf('volume-resize');
const remove = exampleOf('volume-delete');

const headOf = async (world: EngineWorld): Promise<LaneEntry | undefined> =>
  (await world.snapshot(resource)).lane?.entries[0];

describe('an operator', () => {
  /** Tells a story in which one call is refused for good, and a person is needed. */
  async function parkedAt(call: number, story: Story) {
    const { world, action } = await tell(story, { calls: (n) => (n === call ? 'rejected' : 'served') });
    expect((await headOf(world))?.parked).not.toBeNull();
    return { world, action };
  }

  const refused = { code: 'conflict' };

  it('resumes a release that was refused, and can neither undo nor accept it', async () => {
    const { world, action } = await parkedAt(4, [create, attach, detach]);
    await expect(world.intervene(resource, 'undo')).rejects.toMatchObject(refused);
    await expect(world.intervene(resource, 'accept')).rejects.toMatchObject(refused);
    expect((await world.intervene(resource, 'resume')).parked).toBeNull();
    await expect(world.intervene(resource, 'resume')).rejects.toMatchObject(refused);
    await world.settle(resource);
    expect((await world.action(action)).status).toBe('completed');
    await expectAgreement(world);
  });

  it('undoes what failed too often, and nothing of it is left', async () => {
    const { world, action } = await tell([create, resize], {
      calls: (n) => (n >= 2 && n <= 4 ? 'transient' : 'served'),
    });
    expect((await headOf(world))?.parked?.reason).toBe('tries-exhausted');
    await world.intervene(resource, 'undo');
    await world.settle(resource);
    expect(await world.action(action)).toMatchObject({ status: 'errored', message: 'a reason' });
    await expectAgreement(world);
  });

  it('accepts that what a deleted volume leaves behind stays, and the scrubber goes on saying so', async () => {
    const { world, action } = await parkedAt(2, [create, remove]);
    await expect(world.intervene(resource, 'undo')).rejects.toMatchObject(refused);
    const { ledger } = await world.intervene(resource, 'accept');
    expect(ledger.at(-1)).toMatchObject({
      stage: 'finish',
      what: 'done',
      seen: { state: 'open' },
      accepted: { by: 'a person', reason: 'a reason' },
    });
    await world.settle(resource);
    expect((await world.action(action)).status).toBe('completed');
    expect((await world.snapshot(resource)).lane).toBeNull();
    expect(await world.suspicions()).toMatchObject([{ facet: 'ceph.image', class: 'unexpected' }]);
  });

  it('is one of two who do the same at once', async () => {
    const { world } = await parkedAt(2, [create, remove]);
    const both = await Promise.allSettled([
      world.intervene(resource, 'resume'),
      world.intervene(resource, 'accept'),
    ]);
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  });

  it('cannot accept any step of any kind before its commit', () => {
    const attached = { host: 'host-a', vm: 1, address: '' };
    const record = { region: NYC1, sizeGib: 1, imageId: 'i', name: 'n', attachment: attached };
    const parked = { reason: 'tries-exhausted', detail: '', at: 0 };
    const by = { by: 'a person', reason: 'a reason', at: 1 };
    let finishing = 0;
    for (const definition of intentCatalog.values()) {
      const { kind, example } = definition;
      const resolved = resolvePlan(definition.plan(example, record as unknown as VolumeRecord));
      const entry = { kind, params: example, plan: resolved, parked, undoing: null };
      for (let done = 0; done <= resolved.prepare.length; done += 1) {
        const ledger = resolved.prepare
          .slice(0, done)
          .flatMap((_step, step) =>
            ['started', 'done'].map((what) => ({ stage: 'prepare', step, what, seen: null })),
          );
        for (const undoing of [null, 'undone']) {
          const head = { ...entry, undoing, ledger, committed: null } as unknown as LaneEntry;
          expect(() => EDITS.accept(head, by)).toThrow(Refusal);
        }
      }
      const committed = { ...entry, ledger: [], committed: { rev: 1, at: 0 } } as unknown as LaneEntry;
      if (resolved.finish.length === 0) expect(() => EDITS.accept(committed, by)).toThrow(Refusal);
      else finishing += EDITS.accept(committed, by).ledger.length;
    }
    expect(finishing).toBe(1);
  });
});
