import { execFileSync, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../..');
const COMMAND = join(ROOT, 'tools/quality/new-source.mjs');
const NAME = 'ledgerbox';

/** @type {string} */
let copy;
beforeAll(() => {
  copy = mkdtempSync(join(tmpdir(), 'new-source-'));
  for (const path of [
    'libs',
    'apps',
    'tsconfig.base.json',
    '.swcrc',
    '.prettierrc',
    'jest.config.mjs',
    'package.json',
  ]) {
    cpSync(join(ROOT, path), join(copy, path), {
      recursive: true,
      filter: (from) => !/\/(dist|node_modules)$/.test(from),
    });
  }
});
afterAll(() => rmSync(copy, { recursive: true }));

/** @param {string[]} args */
const newSource = (...args) => spawnSync('node', [COMMAND, '--root', copy, ...args], { encoding: 'utf8' });

/** Links what `npm install` would link: the packages of others from here, ours from the copy. */
function link() {
  const modules = join(copy, 'node_modules');
  mkdirSync(join(modules, '@plumbline'), { recursive: true });
  for (const name of readdirSync(join(ROOT, 'node_modules'))) {
    if (name !== '@plumbline' && name !== '.bin')
      symlinkSync(join(ROOT, 'node_modules', name), join(modules, name));
  }
  const listed = execFileSync('find', ['libs', 'apps', '-name', 'package.json'], {
    cwd: copy,
    encoding: 'utf8',
  });
  for (const manifest of listed.trim().split('\n')) {
    const { name } = JSON.parse(readFileSync(join(copy, manifest), 'utf8'));
    symlinkSync(join(copy, dirname(manifest)), join(modules, name));
  }
}

it('says in a dry run what it would write, and writes nothing', () => {
  const { stdout, status } = newSource(NAME, '--dry-run');
  expect(status).toBe(0);
  expect(stdout).toContain(`libs/sources/${NAME}/adapter/src/client.ts\n`);
  expect(stdout).toContain(`libs/domain/src/sources.ts: +${NAME}: { perHost: false },`);
  expect(existsSync(join(copy, `libs/sources/${NAME}`))).toBe(false);
});

it.each(['Upper', 'with-dash', '9lives', 'x', '../up', ''])('refuses "%s" as a name', (name) => {
  expect(newSource(name).status).toBe(2);
});

it('writes a source that compiles, is formatted, and passes the suite of all adapters', () => {
  expect(newSource(NAME)).toMatchObject({ status: 0, stderr: '' });
  link();
  const include = [`libs/sources/${NAME}/*/src`, `apps/${NAME}-worker/src`];
  writeFileSync(
    join(copy, 'tsconfig.json'),
    JSON.stringify({ extends: './tsconfig.base.json', compilerOptions: { noEmit: true }, include }),
  );
  const run = (/** @type {string[]} */ ...args) => spawnSync('node', args, { cwd: copy, encoding: 'utf8' });
  expect(run('node_modules/typescript7/bin/tsc', '-p', 'tsconfig.json')).toMatchObject({
    stdout: '',
    status: 0,
  });
  const written = [`libs/sources/${NAME}`, `apps/${NAME}-worker`, 'libs/domain/src/sources.ts'];
  expect(run('node_modules/prettier/bin/prettier.cjs', '--check', ...written)).toMatchObject({
    stderr: '',
    status: 0,
  });
  const jest = [
    '--experimental-vm-modules',
    '--no-warnings',
    'node_modules/jest/bin/jest.js',
    '--selectProjects',
    'unit',
  ];
  const { stderr, status } = run(...jest, '--', `libs/sources/${NAME}`);
  expect(`${status} ${stderr}`).toMatch(/^0 /);
}, 120_000);

it('touches nothing when the source is there already', () => {
  const before = readFileSync(join(copy, 'libs/domain/src/sources.ts'), 'utf8');
  expect(newSource(NAME).status).toBe(1);
  expect(readFileSync(join(copy, 'libs/domain/src/sources.ts'), 'utf8')).toBe(before);
});
