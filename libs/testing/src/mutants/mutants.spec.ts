import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import ts from 'typescript';
import { MUTANTS } from './index.js';
import { INVARIANTS, edited, editsOf } from './mutant.js';
import { overlayOf } from './overlay.js';

const ROOT = resolve(import.meta.dirname, '../../../..');
const all = [...MUTANTS.known, ...MUTANTS['held-out']];

/** Names that a module, without its types, uses and that neither it nor the language gives it. */
function unboundIn(text: string): readonly string[] {
  const name = 'mutant.js';
  const host: ts.CompilerHost = {
    ...ts.createCompilerHost({}),
    fileExists: (file) => file === name,
    getSourceFile: (file) =>
      file === name
        ? ts.createSourceFile(file, text, ts.ScriptTarget.ES2023, true, ts.ScriptKind.JS)
        : undefined,
  };
  const program = ts.createProgram(
    [name],
    { allowJs: true, checkJs: true, noLib: true, noResolve: true, types: [] },
    host,
  );
  const found = program.getSemanticDiagnostics().filter(({ code }) => UNBOUND.has(code));
  return found
    .map(({ start = 0, length = 0 }) => text.slice(start, start + length))
    .filter((name) => !(name in globalThis));
}

/** All that the compiler says of a name that it cannot find. */
const UNBOUND = new Set([2304, 2552, 2580, 2583, 2584]);

describe('the mutants', () => {
  it.each(all.map((mutant) => [mutant.id, mutant] as const))(
    'is in tune with the code: %s',
    (_id, mutant) => {
      const modules = Object.entries(overlayOf(mutant, ROOT));
      expect(modules).toHaveLength(new Set(editsOf(mutant).map(({ file }) => file)).size);
      expect(mutant.breaks.length).toBeGreaterThan(0);
    },
  );

  it.each(all.map((mutant) => [mutant.id, mutant] as const))(
    'is wrong, and not merely broken: %s',
    (_id, mutant) => {
      for (const text of Object.values(overlayOf(mutant, ROOT))) expect(unboundIn(text)).toEqual([]);
    },
  );

  it('has names of its own for each', () => {
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
  });

  it('breaks every invariant that the simulation can see', () => {
    expect(new Set(MUTANTS.known.flatMap(({ breaks }) => breaks))).toEqual(new Set(INVARIANTS));
  });

  it('is told of in the documents, beside each invariant that it breaks', () => {
    const rows = readFileSync(resolve(ROOT, 'docs/mutants.md'), 'utf8').matchAll(/^\| (\w\d) .*$/gm);
    const told = [...rows].flatMap(([row, invariant]) =>
      [...row.matchAll(/`([^`]+)`/g)].map(([, id]) => `${invariant} ${id}`),
    );
    expect(told.sort()).toEqual(all.flatMap(({ breaks, id }) => breaks.map((one) => `${one} ${id}`)).sort());
  });

  it('is not put anywhere when its text is not there, or is there twice', () => {
    const edit = { file: 'a.ts', find: 'one', put: 'two' };
    expect(edited('this one', edit)).toBe('this two');
    expect(() => edited('neither', edit)).toThrow(RangeError);
    expect(() => edited('one and one', edit)).toThrow(RangeError);
  });
});
