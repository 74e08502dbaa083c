import type { Region } from '@plumbline/domain';
import { intentCatalog } from '@plumbline/intents';
import { POINTS, WAYS, batchesOf, exclusionOf, partOf, strikeOf } from './cells.js';
import type { Case } from './cells.js';
import { excludedKind } from './damages.js';
import { expectedOf } from './expected.js';
import { variantsOf } from './variants.js';

const regions = [{ slug: 'nyc1', name: '', pool: 'volumes-nyc1', hosts: ['host-a'] }] as unknown as Region[];
const variants = variantsOf(intentCatalog, regions);
const SLOTS = 28;
const batches = batchesOf(variants, SLOTS);
const cases = batches.flatMap((batch) => batch.cases);
const nameOf = ({ variant, move, point, way }: Case) => [variant.name, move.key, point, way].join(' · ');

describe('what the matrix is made of', () => {
  it('has every kind in every state in which it can be asked for, and once more turned back', () => {
    expect(variants.map(({ name }) => name)).toEqual([
      'volume-create',
      'volume-create, undone',
      'volume-resize',
      'volume-resize, undone',
      'volume-resize, attached',
      'volume-resize, attached, undone',
      'volume-attach',
      'volume-attach, undone',
      'volume-detach, attached',
      'volume-delete',
      'volume-purge',
      'repair-claims',
      'repair-claims, deleted',
      'volume-adopt',
      'volume-adopt, undone',
      'volume-release',
      'volume-adopt-size',
      'volume-adopt-size, attached',
      'volume-adopt-size, attached, undone',
      'repair-disk, attached',
      'repair-disk, attached, undone',
      'repair-image',
      'repair-image, undone',
      'repair-image, attached',
      'repair-image, attached, undone',
      'repair-leftover',
      'repair-subscription',
      'repair-subscription, deleted',
      'repair-unplug',
    ]);
    const excluded = [...intentCatalog.values()].filter((definition) => excludedKind(definition) !== null);
    expect(excluded.map(({ kind }) => kind)).toEqual(['repair-disk-size']);
    expect(new Set([...variants.map(({ definition }) => definition), ...excluded])).toEqual(
      new Set(intentCatalog.values()),
    );
  });

  it('has every step of a plan, what comes after it, and what is owed', () => {
    const keysOf = (name: string) =>
      variants.find((variant) => variant.name === name)?.moves.map(({ key }) => key);
    const prepare = [0, 1, 2, 3, 4, 5, 6].map((index) => `prepare/${index}`);
    expect(keysOf('volume-attach')).toEqual([...prepare, 'commit']);
    expect(keysOf('volume-attach, undone')).toEqual(['undo/6', 'undo/4', 'settle-undone']);
    expect(keysOf('volume-delete')).toEqual(['commit', 'finish/0', 'settle-done', 'owed']);
  });

  it('has each move at each point in each way, or says why not', () => {
    const names = new Set(cases.map(nameOf));
    for (const variant of variants)
      for (const move of variant.moves)
        for (const point of POINTS)
          for (const way of WAYS) {
            const why = exclusionOf(move, point, way);
            expect([
              nameOf({ variant, move, point, way }),
              names.has(nameOf({ variant, move, point, way })),
            ]).toEqual([nameOf({ variant, move, point, way }), why === null]);
            if (why === null) expect(strikeOf(point, way).holdAt).not.toBe('drain');
          }
  });

  it('leaves nothing out of its parts, and gives no volume of a batch the slot of another', () => {
    const parts = [1, 2, 3].flatMap((part) => partOf(batches, { part, of: 3 }));
    expect(new Set(parts)).toEqual(new Set(batches));
    expect(parts).toHaveLength(batches.length);
    for (const batch of batches)
      expect(batch.cases.filter(({ variant }) => variant.needsVm).length).toBeLessThanOrEqual(SLOTS);
  });

  it('expects a refusal for good to be told, and everything else to end as if it had not been', () => {
    const unusual = cases.filter((one) => {
      const { ends, parks } = expectedOf(one);
      return parks !== null || (ends === 'errored') !== (one.variant.turnsBackAt !== null);
    });
    expect(new Set(unusual.map(({ point, way }) => `${way} ${point}`))).toEqual(
      new Set(['definite error before']),
    );
    const endsOf = (name: string, key: string) => {
      const one = unusual.find(({ move, variant }) => variant.name === name && move.key === key);
      return one && expectedOf(one);
    };
    expect(endsOf('volume-attach', 'prepare/4')).toEqual({ parks: null, ends: 'errored' });
    expect(endsOf('volume-detach, attached', 'prepare/0')).toEqual({
      parks: 'release-rejected',
      ends: 'completed',
    });
    expect(endsOf('volume-delete', 'finish/0')).toEqual({
      parks: 'rejected-after-commit',
      ends: 'completed',
    });
    expect(endsOf('volume-attach, undone', 'undo/4')).toEqual({ parks: 'undo-failed', ends: 'errored' });
  });
});
