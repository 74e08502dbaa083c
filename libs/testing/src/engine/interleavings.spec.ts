import { Refusal, imageNameOf, poolOf } from '@plumbline/domain';
import type { ActionRecord, Json } from '@plumbline/domain';
import { EXAMPLE_VOLUME, intentCatalog } from '@plumbline/intents';
import { expectAgreement } from './describe-intent.js';
import { EngineWorld, NYC1, OTHER_VM } from './engine-world.js';
import type { WriteFate } from './engine-world.js';

/** Many small worlds, on a machine that is busy with other things. */
const TIME_MAX_MS = 60_000;

const resource = `volume/${EXAMPLE_VOLUME}` as const;
const exampleOf = (kind: string, change: object = {}) => ({
  kind,
  params: { ...(intentCatalog.get(kind)?.example as object), ...change } as Json,
});
const create = exampleOf('volume-create');
const attach = exampleOf('volume-attach');
const elsewhere = exampleOf('volume-attach', { vm: OTHER_VM });
const detach = exampleOf('volume-detach');
const resize = exampleOf('volume-resize');
const larger = exampleOf('volume-resize', { sizeGib: 9 });
const remove = exampleOf('volume-delete');

/** Admits it unless it is refused. */
async function ask(world: EngineWorld, { kind, params }: typeof create): Promise<ActionRecord | null> {
  try {
    return await world.admit(kind, params);
  } catch (error) {
    if (error instanceof Refusal) return null;
    throw error;
  }
}

const lives = [
  [create, resize],
  [create, attach, resize],
  [create, attach, detach, elsewhere],
] as const;
/** None, and some call of each source. */
const REFUSED_CALLS = [0, 1, 3];
/** Every write of these lives, and some more for what is asked besides. */
const WRITES_MAX = 24;
/** A merged write, and all that is tried to make its outcome definite. */
const OUTAGE_WRITES = 9;

describe('a lane that others write at the same time', () => {
  const late = [remove, larger, detach, elsewhere];
  it.each(lives.map((life) => [life.map(({ kind }) => kind).join(', '), life] as const))(
    'ends all it was asked for, whatever comes at any moment of %s',
    async (_name, life) => {
      let writes = 1;
      for (const also of late) {
        for (const refusedCall of REFUSED_CALLS) {
          for (let at = 1; at <= Math.min(writes, WRITES_MAX); at += 1) {
            const actions: (ActionRecord | null)[] = [];
            const world = await EngineWorld.open({
              calls: (n) => (n === refusedCall ? 'rejected' : 'served'),
              meanwhile: async (n, it) => void (n === at && actions.push(await ask(it, also))),
            });
            for (const one of life) actions.push(await ask(world, one));
            const ended = await world.settle(resource);
            writes = world.writes;
            const where = `${also.kind} before write ${at}, call ${refusedCall} refused`;
            expect([where, ended]).toEqual([where, true]);
            const parked = (await world.snapshot(resource)).lane?.entries[0]?.parked;
            if (parked) {
              expect([where, parked.reason]).toEqual([where, expect.stringMatching(/rejected|undo-failed/)]);
              continue;
            }
            for (const action of actions)
              if (action !== null)
                expect([where, (await world.action(action)).status]).not.toEqual([where, 'in-progress']);
            await expectAgreement(world);
          }
        }
      }
    },
    TIME_MAX_MS,
  );
});

describe('a turn that could not be written', () => {
  it.each([
    ['refused', 'refused'],
    ['lost', 'lost'],
    ['answer-lost', 'lost'],
  ] as const satisfies readonly WriteFate[][])(
    'is gone on with when the registry is back, whomever is rung then: %s, then %s',
    async (first, then) => {
      for (const life of lives) {
        for (let from = 1; from <= WRITES_MAX / 2; from += 1) {
          const world = await EngineWorld.open({
            writes: (n) => (n === from ? first : n > from && n < from + OUTAGE_WRITES ? then : 'served'),
          });
          for (const one of life) await ask(world, one);
          await world.look(resource, 0);
          const where = `${life.map(({ kind }) => kind).join(', ')} from write ${from}`;
          expect([where, await world.settle(resource, 1)]).toEqual([where, true]);
          await expectAgreement(world);
        }
      }
    },
    TIME_MAX_MS,
  );
});

describe('a ring', () => {
  it('is not lost on a worker that has just read the lane without it', async () => {
    for (let at = 1; at <= 8; at += 1) {
      let reads = Number.NEGATIVE_INFINITY;
      const world = await EngineWorld.open({
        async answering(it) {
          reads += 1;
          if (reads !== at) return;
          await ask(it, larger);
          await it.look(resource);
        },
      });
      await ask(world, create);
      await world.settle(resource);
      await ask(world, resize);
      reads = 0;
      await world.look(resource);
      const { lane, record } = await world.snapshot(resource);
      expect([at, lane, record?.sizeGib]).toEqual([at, null, at <= reads ? 9 : 5]);
    }
  });
});

describe('an image that is not what the record names', () => {
  it.each([
    ['image-missing', { state: 'half-made', sizeBytes: 0 }, [resize, attach]],
    ['stranger', { imageId: 'a-strangers' }, [resize, attach, remove]],
  ] as const)('is left alone, and a person is asked: %s', async (reason, change, kinds) => {
    for (const asked of kinds) {
      const world = await EngineWorld.open();
      await ask(world, create);
      await world.settle(resource);
      const key = `${poolOf(NYC1)}/${imageNameOf(EXAMPLE_VOLUME)}`;
      const found = { ...world.sources.images.get(key)!, ...change };
      world.sources.images.set(key, found);
      await ask(world, asked);
      await world.settle(resource);
      const { lane } = await world.snapshot(resource);
      expect([asked.kind, lane?.entries[0]?.parked?.reason]).toEqual([asked.kind, reason]);
      expect(world.sources.images.get(key)).toEqual(found);
    }
  });
});
