import type { AccountId } from '@plumbline/domain';
import fc from 'fast-check';
import { layoutOf } from '../layout.js';
import { prefixesByAccount } from './parts.js';
import type { ByRegistry } from './parts.js';

const layout = layoutOf('plumbline/');
const TOGETHER_MAX = 4_000;

/** What stands in a registry, of which nothing but folders and trees is read. */
function registryOf(values: ReadonlyMap<string, string>): ByRegistry {
  const keys = [...values.keys()].sort();
  const under = (prefix: string) => keys.filter((key) => key.startsWith(prefix));
  const folders = (prefix: string) =>
    under(prefix)
      .filter((key) => key.includes('/', prefix.length))
      .map((key) => `${prefix}${key.slice(prefix.length).split('/', 1)[0]}/`);
  const kv = {
    folders: (prefix: string) => Promise.resolve([...new Set(folders(prefix))]),
    readTrees: (prefixes: readonly string[]) =>
      Promise.resolve(
        prefixes.map((prefix) => under(prefix).map((key) => ({ key, value: values.get(key)!, index: 1 }))),
      ),
    keys: (prefix: string) => Promise.resolve(under(prefix)),
    read: () => Promise.reject(new Error('is not asked')),
  } satisfies ByRegistry['kv'];
  return { kv, layout };
}

/** Few first digits, so that several accounts share theirs. */
const uuid = fc.tuple(fc.constantFrom('0a', '0b', 'f0'), fc.uuid()).map(([first, id]) => first + id.slice(2));
const accounts = fc.uniqueArray(
  fc.record({
    id: uuid,
    volumes: fc.uniqueArray(fc.uuid(), { maxLength: 8 }),
    counted: fc.oneof(
      fc.integer({ min: 0, max: 3 * TOGETHER_MAX }).map((volumes) => JSON.stringify({ volumes, gib: 0 })),
      fc.constantFrom(
        '{"volumes":70000}',
        '{',
        '{}',
        '{"volumes":"many"}',
        '{"volumes":-5}',
        '{"volumes":1e300}',
      ),
    ),
  }),
  { selector: ({ id }) => id, maxLength: 8 },
);
/** What somebody has put beside the folders. */
const anyStrays = fc.uniqueArray(fc.constantFrom('0', '0a', '0b', 'f', 'f0', 'f00'));

it('lists everything once and in its order, in parts of which none is expected to be too large', async () => {
  await fc.assert(
    fc.asyncProperty(
      accounts,
      fc.constantFrom('', 'here/volume/'),
      anyStrays,
      async (some, below, strays) => {
        const values = new Map<string, string>();
        for (const { counted, id, volumes } of some) {
          values.set(layout.usage(id as AccountId), counted);
          for (const volume of volumes) values.set(`${layout.volumes}${id}/${below}${volume}`, '');
        }
        const expected = [...values.keys()].filter((key) => key.startsWith(layout.volumes)).sort();
        for (const stray of strays) values.set(`${layout.volumes}${stray}`, '');
        const by = registryOf(values);
        const told: string[] = [];
        const inFolder = (folder: string) => Promise.resolve([`${folder}${below}`]);
        let parts = 0;
        for await (const prefix of prefixesByAccount(by, layout.volumes, inFolder)) {
          told.push(...(await by.kv.keys(prefix)));
          parts += 1;
          const held = some.filter(({ id, volumes }) => {
            const folder = `${layout.volumes}${id}/`;
            return volumes.length > 0 && (folder.startsWith(prefix) || prefix.startsWith(folder));
          });
          const digits = prefix.match(/[^/]*$/)![0].length;
          const counts = held.map(({ counted }) => numberIn(counted));
          const share = prefix.split('/').length > 3 ? 16 ** digits : 1;
          expect(counts.reduce((sum, count) => sum + count, 0) / share).toBeLessThanOrEqual(TOGETHER_MAX);
        }
        expect(told.filter((key) => expected.includes(key))).toEqual(expected);
        expect(new Set(told).size).toBe(told.length);
        expect(parts).toBeLessThanOrEqual(16 + some.length * 256);
      },
    ),
  );
});

/** What is believed of a counter. */
function numberIn(counted: string): number {
  const [, digits] = counted.match(/"volumes":(\d+)[,}]/) ?? [];
  return Number(digits ?? 0);
}
