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
    under(prefix).map((key) => `${prefix}${key.slice(prefix.length).split('/', 1)[0]}/`);
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
    counted: fc.oneof(fc.integer({ min: 0, max: 3 * TOGETHER_MAX }), fc.constant(70_000), fc.constant(null)),
  }),
  { selector: ({ id }) => id, maxLength: 8 },
);

it('lists everything once and in its order, in parts of which none is expected to be too large', async () => {
  await fc.assert(
    fc.asyncProperty(accounts, fc.constantFrom('', 'here/volume/'), async (some, below) => {
      const values = new Map<string, string>();
      for (const { counted, id, volumes } of some) {
        values.set(
          layout.usage(id as AccountId),
          counted === null ? '{' : JSON.stringify({ volumes: counted, gib: 0 }),
        );
        for (const volume of volumes) values.set(`${layout.volumes}${id}/${below}${volume}`, '');
      }
      const by = registryOf(values);
      const told: string[] = [];
      for await (const prefix of prefixesByAccount(by, layout.volumes, (folder) =>
        Promise.resolve([`${folder}${below}`]),
      )) {
        told.push(...(await by.kv.keys(prefix)));
        const held = some.filter(({ id, volumes }) => {
          const folder = `${layout.volumes}${id}/`;
          return volumes.length > 0 && (folder.startsWith(prefix) || prefix.startsWith(folder));
        });
        const digits = prefix.match(/[^/]*$/)![0].length;
        const counts = held.map(({ counted }) => counted ?? 0);
        const share = prefix.split('/').length > 3 ? 16 ** digits : 1;
        expect(counts.reduce((sum, count) => sum + count, 0) / share).toBeLessThanOrEqual(TOGETHER_MAX);
      }
      expect(told).toEqual([...values.keys()].filter((key) => key.startsWith(layout.volumes)).sort());
    }),
  );
});
