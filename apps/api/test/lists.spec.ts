import { randomUUID } from 'node:crypto';
import type { AccountId, VolumeId, VolumeRecord } from '@plumbline/domain';
import { createFakeRegistry } from '@plumbline/testing';
import type { FakeRegistry } from '@plumbline/testing';
import fc from 'fast-check';
import { VolumeLists } from '../src/stores/volume-lists.js';

const ACCOUNT = 'account' as AccountId;
const RUNS = 40;

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

function recordOf(id: VolumeId, createdAt: number, sizeGib: number): VolumeRecord {
  return { id, createdAt, sizeGib } as VolumeRecord;
}

const change = fc.record({ at: fc.nat(20), size: fc.option(fc.nat(5)), together: fc.boolean() });

describe('lists from memory', () => {
  it('show each write that was acknowledged before they were asked, in a stable order, whoever else lists', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(change, { maxLength: 40 }), async (changes) => {
        const reader = await createFakeRegistry();
        const writer = await createFakeRegistry({ consul: reader.consul });
        const lists = new VolumeLists(reader.kv, reader.layout);
        const ids = Array.from({ length: 21 }, () => randomUUID() as VolumeId);
        const truth = new Map<number, number>();
        const others: Promise<unknown>[] = [];
        for (const { at, size, together } of changes) {
          if (together) others.push(lists.list(ACCOUNT));
          const id = ids[at] ?? ('' as VolumeId);
          await commit(writer, id, size === null ? null : recordOf(id, at, size));
          if (size === null) truth.delete(at);
          else truth.set(at, size);
          const listed = (await lists.list(ACCOUNT)).map(({ createdAt, sizeGib }) => [createdAt, sizeGib]);
          expect(listed).toEqual([...truth].sort(([one], [other]) => one - other));
        }
        await Promise.all(others);
        await Promise.all([reader.close(), writer.close()]);
      }),
      { numRuns: RUNS },
    );
  });
});
