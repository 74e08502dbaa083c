import { InvariantError, Refusal, resolvePlan } from '@plumbline/domain';
import type { IntentCatalog, LaneEntry, VolumeRecord } from '@plumbline/domain';
import { EDITS } from '@plumbline/engine';
import { EXAMPLE_VOLUME, intentCatalog } from '@plumbline/intents';
import { expectAgreement, tell } from './describe-intent.js';
import type { Story } from './describe-intent.js';
import { EngineWorld, NYC1 } from './engine-world.js';

const resource = `volume/${EXAMPLE_VOLUME}` as const;
const exampleOf = (kind: string) => ({ kind, params: intentCatalog.get(kind)?.example ?? null });
const create = exampleOf('volume-create');
const attach = exampleOf('volume-attach');
const detach = exampleOf('volume-detach');
const resize = exampleOf('volume-resize');
const remove = exampleOf('volume-delete');

const headOf = async (world: EngineWorld): Promise<LaneEntry | undefined> =>
  (await world.snapshot(resource)).lane?.entries[0];

/** As another version would know the kinds. */
function withoutKind(kind: string): IntentCatalog {
  return new Map([...intentCatalog].filter(([name]) => name !== kind));
}

function unplannable(kind: string): IntentCatalog {
  const plan = (): never => {
    throw new InvariantError('cannot be planned', { reason: 'plan' });
  };
  return new Map(
    [...intentCatalog].map(([name, known]) => [name, name === kind ? { ...known, plan } : known]),
  );
}

describe('planning', () => {
  it('parks what cannot be planned, and goes on when an operator says so and it can be', async () => {
    const world = await EngineWorld.open();
    const action = await world.admit(create.kind, create.params);
    world.workersKnow = unplannable(create.kind);
    await world.look(resource);
    expect((await headOf(world))?.parked).toMatchObject({
      reason: 'invariant',
      detail: 'cannot be planned',
    });
    expect(world.woken).toEqual([action.intent]);
    expect(world.logged).toEqual(['intent is parked']);
    const { code } = (await world
      .intervene(resource, 'undo', world.workersKnow)
      .catch((error: unknown) => error)) as Refusal;
    expect(code).toBe('conflict');
    world.workersKnow = intentCatalog;
    await world.intervene(resource, 'resume');
    await world.settle(resource, 1);
    expect((await world.action(action)).status).toBe('completed');
    await expectAgreement(world);
  });

  it('leaves a kind that is not known here to those who know it, and says so at each look', async () => {
    const world = await EngineWorld.open();
    const action = await world.admit(create.kind, create.params);
    world.workersKnow = withoutKind(create.kind);
    await world.look(resource);
    const line = 'lane has an intent of a kind that this version does not know';
    expect(world.logged).toEqual([line, line]); // One at each queue.
    expect(await headOf(world)).toMatchObject({ parked: null, turns: 0 });
    world.workersKnow = intentCatalog;
    await world.settle(resource, 1);
    expect((await world.action(action)).status).toBe('completed');
  });

  it('gives its turn back when a kind that is not known here comes behind it', async () => {
    const world = await EngineWorld.open({
      meanwhile: async (n, here) => {
        if (n === 2) await here.admit(resize.kind, resize.params);
      },
    });
    const action = await world.admit(create.kind, create.params);
    world.workersKnow = withoutKind(resize.kind);
    await world.look(resource);
    expect(await headOf(world)).toMatchObject({ parked: null, attempt: null, turns: 1 });
    world.workersKnow = intentCatalog;
    await world.settle(resource, 1);
    expect((await world.action(action)).status).toBe('completed');
    await expectAgreement(world);
  });
});

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
    const volume = {
      id: EXAMPLE_VOLUME,
      region: NYC1,
      sizeGib: 1,
      imageId: 'i',
      name: 'n',
      attachment: attached,
    };
    const parked = { reason: 'tries-exhausted', detail: '', at: 0 };
    const by = { by: 'a person', reason: 'a reason', at: 1 };
    const finishing: string[] = [];
    for (const definition of intentCatalog.values()) {
      const { kind, example, on } = definition;
      const record = on === 'absent' || on === 'gone' ? null : (volume as unknown as VolumeRecord);
      const resolved = resolvePlan(definition.plan(example, record));
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
      else finishing.push(...EDITS.accept(committed, by).ledger.map(() => kind));
    }
    expect(finishing).toEqual(['volume-delete', 'volume-purge', 'volume-release', 'repair-leftover']);
  });
});
