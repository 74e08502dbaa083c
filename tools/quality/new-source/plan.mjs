/** Which files a new source consists of. Pure, so that a dry run and a real one cannot differ. */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const TEMPLATES = join(import.meta.dirname, 'templates');
const TABLE = 'libs/domain/src/sources.ts';
const END_OF_TABLE = '} as const;';

/**
 * @typedef {{ path: string, text: string }} Written
 * @typedef {{ created: Written[], table: Written, line: string }} Plan
 */

/** A source's name becomes part of packages, queues, variables and metrics. */
export const NAME = /^[a-z][a-z0-9]{1,15}$/;

/**
 * @param {string} root
 * @param {string} name
 * @returns {Plan}
 */
export function planOf(root, name) {
  const home = `libs/sources/${name}`;
  const created = [
    ...projectFiles({
      path: `${home}/facets`,
      name: `${name}-facets`,
      tags: ['type:facets', `scope:${name}`],
      uses: ['domain'],
    }),
    ...sources('facets', `${home}/facets`, name),
    ...projectFiles({
      path: `${home}/adapter`,
      name: `${name}-adapter`,
      tags: ['type:adapter', `scope:${name}`],
      uses: ['domain', 'platform', `${name}-facets`],
    }),
    ...sources('adapter', `${home}/adapter`, name),
    ...projectFiles({
      path: `apps/${name}-worker`,
      name: `${name}-worker`,
      tags: ['type:app'],
      uses: ['domain', 'platform', 'registry', 'worker', `${name}-adapter`],
    }),
    ...sources('worker', `apps/${name}-worker`, name),
  ];
  const line = `  ${name}: { perHost: false },`;
  const table = readFileSync(join(root, TABLE), 'utf8');
  const end = table.indexOf(END_OF_TABLE);
  if (end < 0) throw new Error(`the table of sources in ${TABLE} does not end with "${END_OF_TABLE}"`);
  return {
    created,
    table: { path: TABLE, text: `${table.slice(0, end)}${line}\n${table.slice(end)}` },
    line,
  };
}

/**
 * @param {'facets' | 'adapter' | 'worker'} part
 * @param {string} path
 * @param {string} name
 * @returns {Written[]}
 */
function sources(part, path, name) {
  const pascal = name.charAt(0).toUpperCase() + name.slice(1);
  const words = new Map([
    ['name', name],
    ['camel', name],
    ['pascal', pascal],
    ['upper', name.toUpperCase()],
  ]);
  return readdirSync(join(TEMPLATES, part, 'src'))
    .sort()
    .map((file) => {
      const template = readFileSync(join(TEMPLATES, part, 'src', file), 'utf8');
      const text = template.replace(/\{\{(\w+)\}\}/g, (_, word) => {
        const value = words.get(word);
        if (value === undefined) throw new Error(`${part}/src/${file}: there is no {{${word}}}`);
        return value;
      });
      return { path: `${path}/src/${file.replace(/\.tmpl$/, '')}`, text };
    });
}

/**
 * @param {{ path: string, name: string, tags: string[], uses: string[] }} project
 * @returns {Written[]}
 */
function projectFiles({ path, name, tags, uses }) {
  const isApp = path.startsWith('apps/');
  const entry = {
    '@plumbline/source': './src/index.ts',
    types: './dist/index.d.ts',
    default: './dist/index.js',
  };
  const manifest = {
    ...{ name: `@plumbline/${name}`, version: '0.1.0', private: true, type: 'module' },
    ...(isApp ? {} : { exports: { '.': entry } }),
    dependencies: Object.fromEntries(uses.map((use) => [`@plumbline/${use}`, '*'])),
  };
  const project = {
    ...{ name, projectType: isApp ? 'application' : 'library', root: path, sourceRoot: `${path}/src` },
    ...{ tags, targets: { build: {} } },
  };
  const compiler = {
    extends: `${'../'.repeat(path.split('/').length)}tsconfig.base.json`,
    compilerOptions: {
      rootDir: 'src',
      outDir: 'dist',
      declaration: !isApp,
      customConditions: [],
      types: ['node'],
    },
    ...{ include: ['src'], exclude: ['src/**/*.spec.ts'] },
  };
  return Object.entries({ 'package.json': manifest, 'project.json': project, 'tsconfig.json': compiler }).map(
    ([file, content]) => ({
      path: `${path}/${file}`,
      text: `${JSON.stringify(content, null, 2)}\n`,
    }),
  );
}
