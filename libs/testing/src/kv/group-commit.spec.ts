import { Refusal, type BootRecord } from '@plumbline/domain';
import { OPS_MAX, type Fold, type KvOp, type Timing, type TransactionOutcome } from '@plumbline/registry';
import fc from 'fast-check';
import { FakeConsul, type FakeRequest, type Fate } from './fake-consul.js';
import { createFakeRegistry, type FakeRegistry } from './fake-registry.js';

/**
 * Random callers of a few processes on one Consul that loses answers, lands writes late and refuses connections, in a
 * random order of everything. Afterwards each caller's answer must be true: what was committed is there, what was
 * refused is not and never comes, and what many share adds up.
 */
const RUNS = 150;
/** On a machine that is busy with other things. */
const TEST_MS = 120_000;
const PROCESSES = 3;
const QUOTA = 4;

interface Wish {
  readonly process: number;
  /** A key that several want, and only one may get. */
  readonly contested: number | null;
  readonly folds: readonly ('sum' | 'thirds' | 'quota')[];
  readonly rev: boolean;
}

const wish: fc.Arbitrary<Wish> = fc.record({
  process: fc.nat(PROCESSES - 1),
  contested: fc.option(fc.nat(5)),
  folds: fc.subarray(['sum', 'thirds', 'quota'] as const),
  rev: fc.boolean(),
});

const fates = fc.infiniteStream(
  fc.oneof(
    { weight: 12, arbitrary: fc.constant<Fate>('served') },
    {
      weight: 4,
      arbitrary: fc.constantFrom<Fate>('answer-lost', 'lands-late', 'dropped', 'refused', 'failed'),
    },
  ),
);

const FOLDS: Record<Wish['folds'][number], Fold> = {
  sum: { key: 'shared/sum', fold: (value) => String(Number(value ?? 0) + 1) },
  /** Counts to three and then is gone. */
  thirds: { key: 'shared/thirds', fold: (value) => (value === '2' ? null : String(Number(value ?? 0) + 1)) },
  quota: {
    key: 'shared/quota',
    fold: (value) => {
      if (Number(value ?? 0) >= QUOTA) throw new Refusal('unprocessable_entity', 'full', { reason: 'quota' });
      return String(Number(value ?? 0) + 1);
    },
  },
};

type Answer = TransactionOutcome | { readonly refused: string };

async function carryOut(registry: FakeRegistry, wish: Wish, id: number): Promise<Answer> {
  const ops: KvOp[] = [{ verb: 'cas', key: `own/${id}`, value: `nonce-${id}`, index: 0 }];
  if (wish.contested !== null) {
    ops.push({ verb: 'cas', key: `contested/${wish.contested}`, value: String(id), index: 0 });
  }
  if (wish.rev) ops.push({ verb: 'set', key: 'shared/rev', value: `nonce-${id}` });
  ops.push({ verb: 'check-not-exists', key: 'nowhere' }, { verb: 'get', key: `own/${id}` });
  try {
    return await registry.kv.transact({
      ops,
      folds: wish.folds.map((name) => FOLDS[name]),
      proof: { key: `own/${id}`, landed: (entry) => entry?.value === `nonce-${id}` },
    });
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { refused: error.reason ?? '' };
  }
}

interface Run {
  readonly scheduler: fc.Scheduler;
  readonly wishes: readonly Wish[];
  readonly fates: Iterator<Fate>;
  readonly fenced: number | null;
}

async function run({ scheduler, wishes, fates, fenced }: Run) {
  const consul = new FakeConsul();
  const step = (label: string): Promise<void> => scheduler.schedule(Promise.resolve(), label);
  const timing: Timing = {
    nowMs: () => 0,
    after: (_delayMs, call) => {
      void step('timer').then(call);
      return () => undefined;
    },
    soon: (call) => void step('soon').then(call),
  };
  const exited = new Set<number>();
  const processes = await Promise.all(
    Array.from({ length: PROCESSES }, (_, process) =>
      createFakeRegistry({
        consul,
        timing,
        limits: { lingerMs: process },
        onFenced: () => exited.add(process),
        manners: {
          fate: async () => {
            await step('arrives');
            return fates.next().value as Fate;
          },
          answering: () => step('is answered'),
        },
      }),
    ),
  );
  const work = wishes.map(async (wish, id) => {
    await step('comes');
    return carryOut(processes[wish.process]!, wish, id);
  });
  if (fenced !== null) void step('fences').then(() => fence(consul, processes[fenced]!));
  void step('lands').then(() => consul.landLate(1));
  const answers = await scheduler.waitFor(Promise.all(work));
  consul.landLate();
  return { consul, answers, exited };
}

function fence({ store }: FakeConsul, { layout, boot }: FakeRegistry): void {
  const key = layout.boot(boot);
  const record = JSON.parse(store.get(key)!.value) as BootRecord;
  store.transact([{ verb: 'set', key, value: JSON.stringify({ ...record, state: 'fencing' }) }]);
}

const scenario = fc.record({
  scheduler: fc.scheduler(),
  wishes: fc.array(wish, { minLength: 1, maxLength: 24 }),
  fates,
  fenced: fc.option(fc.nat(PROCESSES - 1)),
});

describe('the group commit, whatever befalls its requests', () => {
  it(
    'answers every caller truly',
    async () => {
      await fc.assert(
        fc.asyncProperty(scenario, async (given) => {
          const { consul, answers } = await run(given);
          answers.forEach((answer, id) => {
            const entry = consul.store.get(`own/${id}`);
            if ('committed' in answer) expect(entry?.value).toBe(`nonce-${id}`);
            else if (!('refused' in answer) || answer.refused !== 'outcome_unknown') expect(entry).toBeNull();
          });
        }),
        { numRuns: RUNS },
      );
    },
    TEST_MS,
  );

  it(
    'writes all of a transaction or nothing, and every fold exactly once',
    async () => {
      await fc.assert(
        fc.asyncProperty(scenario, async (given) => {
          const { store } = (await run(given)).consul;
          const landed = given.wishes.filter((_, id) => store.get(`own/${id}`) !== null);
          const count = (name: Wish['folds'][number]): number =>
            landed.filter(({ folds }) => folds.includes(name)).length;
          expect(Number(store.get('shared/sum')?.value ?? 0)).toBe(count('sum'));
          expect(Number(store.get('shared/thirds')?.value ?? 0)).toBe(count('thirds') % 3);
          expect(Number(store.get('shared/quota')?.value ?? 0)).toBe(count('quota'));
          given.wishes.forEach(({ contested }, id) => {
            if (contested === null || store.get(`own/${id}`) === null) return;
            expect(store.get(`contested/${contested}`)?.value).toBe(String(id));
          });
        }),
        { numRuns: RUNS },
      );
    },
    TEST_MS,
  );

  it(
    'refuses only for a reason: a key that another holds, a quota that is full',
    async () => {
      await fc.assert(
        fc.asyncProperty(scenario, async (given) => {
          const { consul, answers } = await run(given);
          answers.forEach((answer, id) => {
            const { contested } = given.wishes[id]!;
            if ('conflict' in answer) {
              expect(answer.conflict).toEqual([1]);
              expect(consul.store.get(`contested/${contested}`)?.value).not.toBe(String(id));
            }
            if ('refused' in answer && answer.refused === 'quota') {
              expect(consul.store.get('shared/quota')?.value).toBe(String(QUOTA));
            }
          });
        }),
        { numRuns: RUNS },
      );
    },
    TEST_MS,
  );

  it('lets a process know that it was fenced, and lets it write nothing more', async () => {
    const consul = new FakeConsul();
    let exits = 0;
    const registry = await createFakeRegistry({ consul, onFenced: () => exits++ });
    fence(consul, registry);
    const wishes = [0, 1, 2].map((id) =>
      carryOut(registry, { process: 0, contested: null, folds: [], rev: false }, id),
    );
    expect(await Promise.all(wishes)).toEqual([0, 1, 2].map(() => ({ refused: 'unavailable' })));
    await registry.close();
    expect({ exits, written: consul.store.keys('own/') }).toEqual({ exits: 1, written: [] });
  });

  it('says at once that nothing happened when Consul refuses the connection', async () => {
    const registry = await createFakeRegistry({ manners: { fate: () => 'refused' } });
    const answer = await carryOut(registry, { process: 0, contested: null, folds: ['sum'], rev: false }, 0);
    expect(answer).toEqual({ refused: 'unavailable' });
  });

  it('says that the outcome is unknown only when it could not keep the write from landing later', async () => {
    let asked = 0;
    const consul = new FakeConsul();
    const registry = await createFakeRegistry({
      consul,
      manners: { fate: () => (asked++ === 0 ? 'lands-late' : 'refused') },
    });
    const answer = await carryOut(registry, { process: 0, contested: null, folds: [], rev: false }, 0);
    consul.landLate();
    expect(answer).toEqual({ refused: 'outcome_unknown' });
    expect(consul.store.keys('own/')).toEqual(['own/0']);
  });

  it('never lets a write land that it has called lost', async () => {
    const writes: Fate[] = ['lands-late', 'served', 'refused'];
    const consul = new FakeConsul();
    const fate = ({ what }: FakeRequest): Fate =>
      (what === 'transact' ? writes.shift() : undefined) ?? 'served';
    const registry = await createFakeRegistry({ consul, manners: { fate } });
    const answer = await carryOut(registry, { process: 0, contested: null, folds: [], rev: false }, 0);
    expect(answer).toEqual({ refused: 'unavailable' });
    expect(consul.lateCount).toBe(1);
    consul.landLate();
    expect(consul.store.keys('own/')).toEqual([]);
  });

  it('believes no refusal of a fold over a value that was known before its caller came', async () => {
    const consul = new FakeConsul();
    const registry = await createFakeRegistry({ consul });
    const full: Wish = { process: 0, contested: null, folds: ['quota'], rev: false };
    consul.store.transact([{ verb: 'set', key: 'shared/quota', value: String(QUOTA) }]);
    expect(await carryOut(registry, full, 0)).toEqual({ refused: 'quota' });
    consul.store.transact([{ verb: 'set', key: 'shared/quota', value: '0' }]);
    expect(await carryOut(registry, full, 1)).toHaveProperty('committed');
  });

  it('refuses nobody because of what another wanted and did not get', async () => {
    const consul = new FakeConsul();
    const registry = await createFakeRegistry({ consul });
    consul.store.transact([
      { verb: 'set', key: 'shared/quota', value: String(QUOTA - 1) },
      { verb: 'set', key: 'contested/0', value: 'taken' },
    ]);
    const answers = await Promise.all([
      carryOut(registry, { process: 0, contested: 0, folds: ['quota'], rev: false }, 0),
      carryOut(registry, { process: 0, contested: null, folds: ['quota'], rev: false }, 1),
    ]);
    expect(answers).toEqual([{ conflict: [1] }, { committed: expect.any(Array) }]);
  });

  it('fills each transaction up to Consul’s bound: what callers share counts once', async () => {
    const merged: number[] = [];
    const fate = (request: FakeRequest): Fate => {
      if (request.what === 'transact') merged.push(request.ops.length);
      return 'served';
    };
    const registry = await createFakeRegistry({ manners: { fate } });
    // Two operations of its own each, and three that all share.
    const wish: Wish = { process: 0, contested: null, folds: ['sum'], rev: true };
    const callers = Array.from({ length: 90 }, (_, id) => carryOut(registry, wish, id));
    for (const answer of await Promise.all(callers)) expect(answer).toHaveProperty('committed');
    expect(registry.consul.store.get('shared/sum')?.value).toBe('90');
    expect(merged.slice(0, -1).every((ops) => ops >= OPS_MAX - 3)).toBe(true);
    expect(merged).toHaveLength(4);
  });
});
