import { randomUUID } from 'node:crypto';
import type { AccountId, VolumeId, VolumeRecord } from '@plumbline/domain';
import { createFakeRegistry } from '@plumbline/testing';
import type { FakeRegistry } from '@plumbline/testing';
import fc from 'fast-check';
import { VolumeLists } from '@plumbline/registry';

const ACCOUNT = 'account' as AccountId;
const RUNS = 200;
const VOLUMES = 3;
const DEADLINE_MS = 60_000;

/** What another process commits: a volume comes, changes or goes, with a fresh nonce for its sixteenth. */
async function commit(registry: FakeRegistry, id: VolumeId, record: VolumeRecord | null): Promise<void> {
  const { kv, layout } = registry;
  const key = layout.volume(ACCOUNT, id);
  await kv.transact({
    ops: [
      record === null ? { verb: 'delete', key } : { verb: 'set', key, value: JSON.stringify(record) },
      { verb: 'set', key: layout.rev(ACCOUNT, id.charAt(0)), value: randomUUID() },
    ],
    proof: { key, landed: () => false },
  });
}

/** Few sixteenths, so that several changes meet in one. */
function idIn(hex: string): VolumeId {
  return `${hex}${randomUUID().slice(1)}` as VolumeId;
}

function recordOf(id: VolumeId, createdAt: number, sizeGib: number): VolumeRecord {
  return { id, createdAt, sizeGib } as VolumeRecord;
}

const change = fc.record({ at: fc.nat(VOLUMES - 1), size: fc.option(fc.nat(5)), together: fc.boolean() });

/** Answers come late and in any order: what was read before a write may arrive after it. */
const delays = fc.infiniteStream(fc.nat(20));

async function ticks(count: number): Promise<void> {
  for (let tick = 0; tick < count; tick += 1) await new Promise((resolve) => setImmediate(resolve));
}

describe('lists from memory', () => {
  it(
    'show each write that was acknowledged before they were asked, in a stable order, whoever else lists',
    async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(change, { minLength: 10, maxLength: 40 }),
          delays,
          async (changes, turns) => {
            const answering = () => ticks(turns.next().value as number);
            const reader = await createFakeRegistry({ manners: { answering } });
            const writer = await createFakeRegistry({ consul: reader.consul });
            const lists = new VolumeLists(reader.kv, reader.layout);
            const ids = Array.from({ length: VOLUMES }, (_, at) => idIn('ab'.charAt(at % 2)));
            const truth = new Map<number, number>();
            const others: Promise<unknown>[] = [];
            for (const { at, size, together } of changes) {
              if (together) others.push(lists.list(ACCOUNT));
              await ticks(turns.next().value as number);
              const id = ids[at] ?? ('' as VolumeId);
              await commit(writer, id, size === null ? null : recordOf(id, at, size));
              if (size === null) truth.delete(at);
              else truth.set(at, size);
              const listed = (await lists.list(ACCOUNT)).map(({ createdAt, sizeGib }) => [
                createdAt,
                sizeGib,
              ]);
              expect(listed).toEqual([...truth].sort(([one], [other]) => one - other));
            }
            await Promise.all(others);
            await Promise.all([reader.close(), writer.close()]);
          },
        ),
        { numRuns: RUNS },
      );
    },
    DEADLINE_MS,
  );
});
