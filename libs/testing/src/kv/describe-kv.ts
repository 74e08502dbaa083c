import type { Kv, KvOp, KvTransport, Transaction } from '@plumbline/registry';

/** What passes for Consul: a transport to it, and two processes' stores over it. */
export interface KvUnderTest {
  readonly transport: KvTransport;
  readonly kv: Kv;
  readonly otherKv: Kv;
  /** Where this run may write; ends in a slash. */
  readonly prefix: string;
  readonly haltKey: string;
  close(): Promise<void>;
}

/** A transaction whose answer is not expected to be lost. */
export function transactionOf(ops: readonly KvOp[], more: Partial<Transaction> = {}): Transaction {
  return { ops, proof: { key: ops[0]?.key ?? 'none', landed: () => false }, ...more };
}

const CALLERS = 100;
/** On a machine that is busy with other things. */
const TEST_MS = 30_000;

/** What every store must do, the fake as the real one: the rest of the system is tested on the former and runs on the latter. */
export function describeKv(name: string, connect: () => Promise<KvUnderTest>): void {
  describe(`the key-value store on ${name}`, () => {
    let under: KvUnderTest;
    let key: (path: string) => string;
    beforeAll(async () => {
      under = await connect();
      key = (path) => `${under.prefix}${path}`;
    }, TEST_MS);
    afterAll(() => under?.close());

    describeTransport(() => ({ ...under, key }));
    describeGroups(() => ({ ...under, key }));
  });
}

type Under = () => KvUnderTest & { key: (path: string) => string };

function describeTransport(under: Under): void {
  it(
    'gives all keys of a transaction one index, and keeps the index of a value that is rewritten unchanged',
    async () => {
      const { transport, key } = under();
      const ops: KvOp[] = [
        { verb: 'set', key: key('a/1'), value: 'x' },
        { verb: 'cas', key: key('a/2'), value: '', index: 0 },
        { verb: 'get', key: key('a/2') },
      ];
      const { results } = await transport.transact(ops);
      const index = results![0]!.index;
      expect(results).toEqual([{ index }, { index }, { index, value: '' }]);
      const again = await transport.transact([{ verb: 'cas', key: key('a/1'), value: 'x', index }]);
      expect(again.results).toEqual([{ index }]);
    },
    TEST_MS,
  );

  it(
    'names every operation that failed, and writes nothing then',
    async () => {
      const { transport, key } = under();
      const { failed } = await transport.transact([
        { verb: 'set', key: key('b/there'), value: 'first' },
        { verb: 'cas', key: key('b/there'), value: 'second', index: 0 },
        { verb: 'check-index', key: key('b/missing'), index: 0 },
        { verb: 'check-not-exists', key: key('b/there') },
        { verb: 'cas', key: key('b/missing'), value: 'x', index: 1 },
        { verb: 'get', key: key('b/missing') },
        { verb: 'delete-cas', key: key('b/there'), index: 1 },
        { verb: 'delete-cas', key: key('b/missing'), index: 7 },
        { verb: 'delete', key: key('b/missing') },
      ]);
      expect(failed).toEqual([1, 2, 3, 4, 5, 6]);
      expect(await transport.keys(key('b/'))).toEqual([]);
    },
    TEST_MS,
  );

  it(
    'tells trees apart although they are within one another',
    async () => {
      const { transport, key } = under();
      const paths = ['c/a', 'c/a/1', 'c/ab', 'c/b'];
      await transport.transact(paths.map((path) => ({ verb: 'set', key: key(path), value: path }) as const));
      const prefixes = ['c/a/', 'c/none', 'c/', 'c/a', 'c/b'];
      const trees = await transport.readTrees(prefixes.map(key));
      expect(trees.map((tree) => tree.map(({ value }) => value))).toEqual([
        ['c/a/1'],
        [],
        paths,
        ['c/a', 'c/a/1', 'c/ab'],
        ['c/b'],
      ]);
      expect(await transport.keys(key('c/'))).toEqual(paths.map(key));
      expect(await transport.folders(key('c/'))).toEqual([key('c/a/')]);
      expect(await transport.folders(key('c/a/'))).toEqual([]);
      expect(await transport.folders(key('c/a'))).toEqual([key('c/a/')]);
      expect(await transport.folders(key('c'))).toEqual([key('c/')]);
      expect(await transport.folders(key('none'))).toEqual([]);
    },
    TEST_MS,
  );

  it(
    'refuses more than 64 operations or 512 KiB, and nothing of it happens',
    async () => {
      const { transport, key } = under();
      const many = Array.from(
        { length: 65 },
        (_, i) => ({ verb: 'set', key: key(`d/${i}`), value: '' }) as const,
      );
      await expect(transport.transact(many)).rejects.toMatchObject({ name: 'RejectedError' });
      const large = [{ verb: 'set', key: key('d/large'), value: 'x'.repeat(400 * 1024) } as const];
      await expect(transport.transact(large)).rejects.toMatchObject({ name: 'RejectedError' });
      expect(await transport.keys(key('d/'))).toEqual([]);
    },
    TEST_MS,
  );
}

function describeGroups(under: Under): void {
  it(
    'refuses exactly those callers of a merged transaction whose own keys are in conflict',
    async () => {
      const { kv, key } = under();
      await kv.transact(transactionOf([{ verb: 'set', key: key('e/taken/3'), value: 'x' }]));
      const outcomes = await Promise.all(
        Array.from({ length: 5 }, (_, i) =>
          kv.transact(
            transactionOf([
              { verb: 'cas', key: key(`e/own/${i}`), value: 'y', index: 0 },
              { verb: 'cas', key: key(`e/taken/${i}`), value: 'y', index: 0 },
            ]),
          ),
        ),
      );
      expect(outcomes.map((outcome) => 'conflict' in outcome && outcome.conflict)).toEqual([
        false,
        false,
        false,
        [1],
        false,
      ]);
      expect(await kv.keys(key('e/own/'))).toEqual([0, 1, 2, 4].map((i) => key(`e/own/${i}`)));
    },
    TEST_MS,
  );

  it(
    'loses no fold of many callers of two processes',
    async () => {
      const { kv, otherKv, key } = under();
      const add = (value: string | null): string => String(Number(value ?? 0) + 1);
      const outcomes = await Promise.all(
        Array.from({ length: CALLERS }, (_, i) =>
          (i % 2 === 0 ? kv : otherKv).transact(
            transactionOf([{ verb: 'cas', key: key(`f/${i}`), value: 'x', index: 0 }], {
              folds: [{ key: key('sum'), fold: add }],
            }),
          ),
        ),
      );
      expect(outcomes.every((outcome) => 'committed' in outcome)).toBe(true);
      expect((await kv.read([key('sum')]))[0]?.value).toBe(String(CALLERS));
    },
    TEST_MS,
  );

  it(
    'answers each operation with the index its key then has',
    async () => {
      const { kv, key } = under();
      const made = await kv.transact(
        transactionOf([
          { verb: 'cas', key: key('g/1'), value: 'x', index: 0 },
          { verb: 'check-not-exists', key: key('g/2') },
          { verb: 'get', key: key('g/1') },
        ]),
      );
      const [entry, missing] = await kv.read([key('g/1'), key('g/2')]);
      const index = entry!.index;
      expect(missing).toBeNull();
      expect(made).toEqual({ committed: [{ index }, { index: 0 }, { index, value: 'x' }] });
      const gone = await kv.transact(
        transactionOf([
          { verb: 'check-index', key: key('g/1'), index },
          { verb: 'delete-cas', key: key('g/1'), index },
        ]),
      );
      expect(gone).toEqual({ committed: [{ index }, { index: 0 }] });
    },
    TEST_MS,
  );

  it(
    'reads what was written before the read was asked for, by whatever process',
    async () => {
      const { kv, otherKv, key } = under();
      for (let i = 0; i < 20; i++) {
        await kv.transact(transactionOf([{ verb: 'set', key: key('h'), value: String(i) }]));
        const reads = await Promise.all([
          otherKv.read([key('h')]),
          kv.read([key('h')]),
          otherKv.readTrees([key('h')]),
        ]);
        expect(reads.map((read) => [read[0]].flat()[0]?.value)).toEqual([String(i), String(i), String(i)]);
      }
    },
    TEST_MS,
  );

  it(
    'writes nothing while there is a halt',
    async () => {
      const { transport, kv, key, haltKey } = under();
      await transport.transact([{ verb: 'set', key: haltKey, value: 'x' }]);
      const write = transactionOf([{ verb: 'set', key: key('i'), value: 'x' }]);
      await expect(kv.transact(write)).rejects.toMatchObject({
        code: 'service_unavailable',
        reason: 'halted',
      });
      await transport.transact([{ verb: 'delete', key: haltKey }]);
      expect(await kv.transact(write)).toHaveProperty('committed');
    },
    TEST_MS,
  );
}
