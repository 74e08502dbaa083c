import { resolve } from 'node:path';
import { MUTANTS } from './index.js';
import { INVARIANTS, edited, editsOf } from './mutant.js';
import { overlayOf } from './overlay.js';

const ROOT = resolve(import.meta.dirname, '../../../..');
const all = [...MUTANTS.known, ...MUTANTS['held-out']];

describe('the mutants', () => {
  it.each(all.map((mutant) => [mutant.id, mutant] as const))(
    'is in tune with the code: %s',
    (_id, mutant) => {
      const modules = Object.entries(overlayOf(mutant, ROOT));
      expect(modules).toHaveLength(new Set(editsOf(mutant).map(({ file }) => file)).size);
      expect(mutant.breaks.length).toBeGreaterThan(0);
    },
  );

  it('has names of its own for each', () => {
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
  });

  it('breaks every invariant that the simulation can see', () => {
    expect(new Set(MUTANTS.known.flatMap(({ breaks }) => breaks))).toEqual(new Set(INVARIANTS));
  });

  it('is not put anywhere when its text is not there, or is there twice', () => {
    const edit = { file: 'a.ts', find: 'one', put: 'two' };
    expect(edited('this one', edit)).toBe('this two');
    expect(() => edited('neither', edit)).toThrow(RangeError);
    expect(() => edited('one and one', edit)).toThrow(RangeError);
  });
});
