/** Each check is shown a small tree with one mistake in it. Words that the checks look for are put together from halves here. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { findingsIn } from './tidy/findings.mjs';

const TIDY = join(import.meta.dirname, 'tidy.mjs');

// Asking npm takes a third of a second; what it would answer is given here.
beforeAll(() => {
  process.env['npm_config_registry'] = 'http://packages.ours.invalid:4873/';
});

/** @type {string} */
let root;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tidy-'));
  execFileSync('git', ['init', '--quiet'], { cwd: root });
});
afterEach(() => rmSync(root, { recursive: true }));

/** @param {Record<string, string>} files */
function plant(files) {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
}

/** @param {Record<string, string>} files @returns {string[]} what is found, as `check file:line` */
function found(files) {
  plant(files);
  return findingsIn(root, []).map(({ check, file, line }) => `${check} ${file}:${line}`);
}

/** @param {string} name */
const packageJson = (name) =>
  JSON.stringify({ name: `@plumbline/${name}`, exports: { '.': { '@plumbline/source': './src/index.ts' } } });

describe('mistakes in a line', () => {
  it.each([
    ['leftover', 'a.ts', `const a = 1; // TO${'DO'}: b`],
    ['leftover', 'tools/start', `# FIX${'ME'} later`],
    ['leftover', 'a.ts', `throw new Error('not yet imp${'lemented'}');`],
    ['left-out-test', 'a.spec.ts', `it.ski${'p'}('works', () => undefined);`],
    ['left-out-test', 'a.spec.ts', `describe.onl${'y'}('a', () => undefined);`],
    ['left-out-test', 'a.spec.ts', `xi${'t'}('works', () => undefined);`],
    ['switched-off-rule', 'a.ts', `const a = 1; // eslint-dis${'able'}-line no-undef`],
    ['switched-off-rule', 'a.ts', `// @ts-ign${'ore'}`],
    ['machine-path', 'README.md', `see /wor${'k'}/main`],
    ['machine-path', 'a.ts', `const home = '/roo${'t'}/x';`],
    ['package-host', 'Dockerfile', `RUN echo http://deb.${'debian.org'}/debian`],
    ['package-host', 'README.md', 'npm install --registry http://packages.ours.invalid:4873/'],
    ['lock-file-registry', 'package-lock.json', `"resolved": "htt${'ps'}://packages.example/zod.tgz"`],
  ])('finds a %s in %s: %s', (check, file, text) => {
    expect(found({ [file]: `\n${text}\n` })).toEqual([`${check} ${file}:2`]);
  });

  it.each([
    ['a.ts', 'const file = mktemp("XXXXXX");'],
    ['a.ts', `const a = 1; // eslint-dis${'able'}-line no-undef -- the name comes from the page`],
    ['a.spec.ts', "emitter.once('exit', fit);"],
    ['a.md', 'the folder libs/work/ and a relative ./root/path'],
  ])('finds nothing in %s: %s', (file, text) => {
    expect(found({ [file]: text })).toEqual([]);
  });
});

describe('files and names', () => {
  it('finds a program that is longer than 400 lines, and none of exactly 400', () => {
    expect(found({ 'long.ts': '\n'.repeat(401), 'enough.ts': '\n'.repeat(400) })).toEqual([
      'long-file long.ts:401',
    ]);
  });

  it('finds second words for things that have a name, in files, folders and declarations', () => {
    expect(
      found({
        'libs/string-utils/src/join.ts': '',
        'libs/a/saga.ts': '',
        'libs/a/b.ts': 'class LaneManager {}\nfunction runTask(workflow: string) {}\ninterface ILane {}\n',
      }),
    ).toEqual([
      'word libs/a/b.ts:1',
      'word libs/a/b.ts:2',
      'word libs/a/b.ts:2',
      'word libs/a/b.ts:3',
      'word libs/a/saga.ts:1',
      'word libs/string-utils/src/join.ts:1',
    ]);
  });

  it('takes whole words only, and leaves the words of other systems in object literals', () => {
    expect(
      found({
        'a.ts': 'const taskforce = { task: 1 };\nconst multitasking = taskforce;\nconst IMAGE = 1;\n',
      }),
    ).toEqual([]);
  });

  it('does not look at what git ignores', () => {
    expect(found({ '.gitignore': 'dist/\n', 'dist/a.ts': `// TO${'DO'}` })).toEqual([]);
  });
});

describe('links', () => {
  it('finds links that lead to no file, folder or heading', () => {
    expect(
      found({
        'docs/a.md': '[gone](b.md)\n[up](../c.md#no-such-part)\n\n[here]: ./nowhere/\n![picture](shot.png)\n',
        'c.md': '# A part',
      }),
    ).toEqual([
      'broken-link docs/a.md:1',
      'broken-link docs/a.md:2',
      'broken-link docs/a.md:4',
      'broken-link docs/a.md:5',
    ]);
  });

  it('accepts links that lead somewhere, other sites, and what only looks like a link', () => {
    const text =
      '[c](../c.md#a-part-of-it) [d](.) [e](https://plumbline.invalid/x) `[f](gone)`\n```\n[g](gone)\n```\n[h](#own)\n## Own\n';
    expect(found({ 'docs/a.md': text, 'c.md': '# A part, of it' })).toEqual([]);
  });
});

describe('exports', () => {
  const library = {
    'libs/a/package.json': packageJson('a'),
    'libs/a/src/index.ts': "export * from './used.js';\nexport { inner as outer } from './inner.js';\n",
    'libs/a/src/used.ts': 'export const used = 1;\n',
    'libs/a/src/inner.ts': 'export const inner = 1;\n',
  };

  it('finds an export that nothing imports, also behind an index', () => {
    const app = { 'apps/b/src/main.ts': "import { used } from '@plumbline/a';\nused;\n" };
    expect(found({ ...library, ...app })).toEqual([
      'dead-export libs/a/src/index.ts:2',
      'dead-export libs/a/src/inner.ts:1',
    ]);
  });

  it('follows a name through an index, its new name, and a namespace import', () => {
    const app = { 'apps/b/src/main.ts': "import { outer } from '@plumbline/a';\nouter;\n" };
    const test = { 'libs/a/src/used.spec.ts': "import * as all from './used.js';\nall;\n" };
    expect(found({ ...library, ...app, ...test })).toEqual([]);
  });

  it('does not count what a package imports from its own index, but what its tests do', () => {
    const index = {
      'libs/a/package.json': packageJson('a'),
      'libs/a/src/index.ts': "export { it } from './it.js';\n",
    };
    const own = {
      'libs/a/src/it.ts': 'export const it = 1;\n',
      'libs/a/src/own.ts': "import { it } from './index.js';\nit;\n",
    };
    expect(found({ ...index, ...own })).toEqual([
      'dead-export libs/a/src/index.ts:1',
      'dead-export libs/a/src/it.ts:1',
    ]);
    expect(found({ 'libs/a/src/it.spec.ts': "import { it } from './index.js';\nit;\n" })).toEqual([]);
  });

  it('lets a type be exported that another export of its file mentions', () => {
    const app = { 'b.ts': "import { make } from './a.js';\nmake();\n" };
    const text =
      'export interface Made { a: 1 }\nexport interface Alone { a: 1 }\nexport const make = (): Made => ({ a: 1 });\n';
    expect(found({ ...app, 'a.ts': text })).toEqual(['dead-export a.ts:2']);
  });

  it('finds modules that need each other, unless one import is of types only', () => {
    const a = "import { b } from './b.js';\nexport const a = () => b;\n";
    const b = "import { a } from './a.js';\nexport const b = () => a;\n";
    expect(found({ 'a.ts': a, 'b.ts': b })).toEqual(['import-cycle b.ts:1']);
    expect(found({ 'a.ts': a, 'b.ts': b.replace('import', 'import type') })).toEqual([]);
  });
});

describe('dependencies', () => {
  it('finds a dependency without a reason, and a reason without a dependency', () => {
    const manifest = JSON.stringify({ dependencies: { zod: '1', pg: '1' } }, null, 2);
    expect(
      found({
        'package.json': manifest,
        'docs/decisions/dependencies.md': '| `zod` | x |\n| `gone` | y |\n',
      }),
    ).toEqual(['dependency docs/decisions/dependencies.md:2', 'dependency package.json:4']);
  });
});

describe('what is allowed', () => {
  const entry = { check: 'word', file: 'saga.ts', about: 'saga', reason: 'for the test' };

  it('keeps quiet about an allowed finding, and speaks when the entry matches nothing', () => {
    plant({ 'saga.ts': '' });
    expect(findingsIn(root, [entry])).toEqual([]);
    rmSync(join(root, 'saga.ts'));
    expect(findingsIn(root, [entry])).toEqual([expect.objectContaining({ check: 'allowed' })]);
  });
});

describe('the command', () => {
  /** @param {string[]} args */
  const tidy = (...args) => spawnSync('node', [TIDY, '--root', root, ...args], { encoding: 'utf8' });

  it('prints file, line and reason, ends with the count, and fails if anything was found', () => {
    plant({ 'a.ts': `// TO${'DO'}\n` });
    const { stdout, status } = tidy();
    expect(stdout.trimEnd().split('\n')).toEqual([
      expect.stringMatching(/^a\.ts:1 .+ \[leftover\]$/),
      '1 findings',
    ]);
    expect(status).toBe(1);
    expect(JSON.parse(tidy('--json').stdout)).toEqual({
      findings: [expect.objectContaining({ file: 'a.ts', line: 1 })],
    });
  });

  it('succeeds on a tidy tree, and tells an option it does not know from a finding', () => {
    expect(tidy()).toMatchObject({ stdout: '0 findings\n', status: 0 });
    expect(tidy('--colour').status).toBe(2);
  });
});
