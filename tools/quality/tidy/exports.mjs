/** Exports that nobody imports, and modules that import each other in a circle. */
import { dirname, join, normalize } from 'node:path';
import { isTest } from './tree.mjs';
import { modulesOf } from './modules.mjs';

/**
 * @typedef {import('./tree.mjs').Tree} Tree
 * @typedef {import('./tree.mjs').Finding} Finding
 * @typedef {import('./modules.mjs').Module} Module
 * @typedef {{ name: string, directory: string, index: string | undefined }} Package
 */

/** Where an `exports` entry points for readers of the sources instead of the builds. */
const SOURCE_CONDITION = '@plumbline/source';

/**
 * An index is a package's promise to others: being imported from it by its own package does not count.
 * @type {import('./tree.mjs').Check}
 */
export function deadExports(tree) {
  const packages = packagesOf(tree);
  const modules = new Map(modulesOf(tree).map((module) => [module.path, module]));
  const used = usedNames(modules, packages);
  return [...modules.values()].flatMap((module) => {
    const isUsed = (/** @type {string} */ name) => used.get(module.path)?.has(name) ?? false;
    const own = module.exports
      // A type that another export of the file mentions has to be nameable by whoever uses that other export.
      .filter(({ name, isType, isUsedHere }) => !isUsed(name) && !(isType && isUsedHere))
      .map(({ name, line }) => ({ name, line }));
    const passedOn = module.reexports.flatMap(({ names, line }) =>
      names === 'all' ? [] : names.filter(({ as }) => !isUsed(as)).map(({ as }) => ({ name: as, line })),
    );
    return [...own, ...passedOn].map(({ name, line }) => {
      const reason = `${name} is exported, and nothing imports it`;
      return { check: 'dead-export', file: module.path, line, reason };
    });
  });
}

/**
 * @param {Map<string, Module>} modules
 * @param {Package[]} packages
 * @returns {Map<string, Set<string>>} for each path the exported names that somebody imports
 */
function usedNames(modules, packages) {
  /** @type {Map<string, Set<string>>} */
  const used = new Map();
  for (const module of modules.values()) {
    for (const { from, names } of module.imports) {
      const target = resolve(module.path, from, modules, packages);
      if (target && !isOwnIndex(module.path, target, packages)) markAll(target, names);
    }
  }
  return used;

  /** @param {string} path @param {string[] | 'all'} names */
  function markAll(path, names) {
    const module = modules.get(path);
    if (!module) return;
    const passedOn = module.reexports.flatMap((reexport) => (reexport.names === 'all' ? [] : reexport.names));
    const wanted =
      names === 'all' ? [...module.exports.map(({ name }) => name), ...passedOn.map(({ as }) => as)] : names;
    for (const name of wanted) mark(path, name);
    if (names !== 'all') return;
    for (const { from, names: those } of module.reexports) {
      const target = resolve(path, from, modules, packages);
      if (those === 'all' && target) markAll(target, 'all');
    }
  }

  /** @param {string} path @param {string} name */
  function mark(path, name) {
    const module = modules.get(path);
    const names = used.get(path) ?? new Set();
    if (!module || names.has(name)) return;
    used.set(path, names.add(name));
    for (const { from, names: those } of module.reexports) {
      const target = resolve(path, from, modules, packages);
      const origin = those === 'all' ? name : those.find(({ as }) => as === name)?.from;
      if (target && origin !== undefined) mark(target, origin);
    }
  }
}

/** @param {string} path @param {string} target @param {Package[]} packages */
function isOwnIndex(path, target, packages) {
  const owner = packages.find(({ index }) => index === target);
  return owner !== undefined && path.startsWith(`${owner.directory}/`) && !isTest(path);
}

/**
 * Modules that need each other before either is ready. Imports that are erased (`import type`) are no such need.
 * @type {import('./tree.mjs').Check}
 */
export function importCycles(tree) {
  const packages = packagesOf(tree);
  const modules = new Map(modulesOf(tree).map((module) => [module.path, module]));
  /** @type {(path: string) => { to: string, line: number }[]} */
  const needs = (path) => {
    const module = modules.get(path);
    const edges = [
      ...(module?.imports.filter(({ isErased }) => !isErased) ?? []),
      ...(module?.reexports ?? []),
    ];
    return edges.flatMap(({ from, line }) => {
      const to = resolve(path, from, modules, packages);
      return to ? [{ to, line }] : [];
    });
  };
  /** @type {Map<string, 'open' | 'closed'>} */
  const state = new Map();
  /** @type {Finding[]} */
  const findings = [];
  /** @param {string} path @param {string[]} trail */
  const walk = (path, trail) => {
    state.set(path, 'open');
    for (const { to, line } of needs(path)) {
      if (state.get(to) === 'open') {
        const circle = [...trail.slice(trail.indexOf(to)), to].join(' → ');
        findings.push({
          check: 'import-cycle',
          file: path,
          line,
          reason: `modules import each other in a circle: ${circle}`,
        });
      } else if (!state.has(to)) walk(to, [...trail, to]);
    }
    state.set(path, 'closed');
  };
  for (const path of modules.keys()) if (!state.has(path)) walk(path, [path]);
  return findings;
}

/** @param {Tree} tree @returns {Package[]} */
function packagesOf(tree) {
  return tree.files
    .filter((file) => /(^|\/)package\.json$/.test(file.path))
    .map((file) => {
      const { name = '', exports } = JSON.parse(file.text);
      const directory = dirname(file.path);
      const entry = exports?.['.']?.[SOURCE_CONDITION];
      return { name, directory, index: entry && normalize(join(directory, entry)) };
    });
}

/** @param {string} path @param {string} from @param {Map<string, Module>} modules @param {Package[]} packages */
function resolve(path, from, modules, packages) {
  if (!from.startsWith('.')) return packages.find(({ name }) => name === from)?.index;
  const target = normalize(join(dirname(path), from));
  return [target, target.replace(/\.js$/, '.ts')].find((candidate) => modules.has(candidate));
}
