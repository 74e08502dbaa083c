/**
 * Checks that look at one line at a time. The words looked for are spelled with a character class (`TO[D]O`), so that this
 * file does not find itself.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { isCode, isShell } from './tree.mjs';

/**
 * @typedef {import('./tree.mjs').Check} Check
 * @typedef {import('./tree.mjs').Finding} Finding
 * @typedef {{ check: string, files: (path: string) => boolean, pattern: RegExp, reason: string }} LineRule
 */

const LINES_MAX = 400;

/** @type {(path: string) => boolean} */
const notLockFile = (path) => !path.endsWith('package-lock.json');
/** @type {(path: string) => boolean} */
const isProgram = (path) => isCode(path) || isShell(path);

const PUBLIC_HOSTS = [
  'deb debian org',
  'security debian org',
  'archive ubuntu com',
  'registry npmjs org',
].map((words) => words.replaceAll(' ', '.'));

/** @type {LineRule[]} */
const RULES = [
  {
    check: 'leftover',
    files: notLockFile,
    pattern: /\b(TO[D]O|FIX[M]E|XX[X]|HAC[K])\b/,
    reason: 'work put off: do it, or make an issue of it',
  },
  {
    check: 'leftover',
    files: isProgram,
    pattern: /\b[Nn]ot (yet )?imp[l]emented\b/,
    reason: 'work put off: do it, or leave it out',
  },
  {
    check: 'left-out-test',
    files: isCode,
    pattern:
      /\b(it|test|describe)\.(ski[p]|onl[y]|tod[o])\b|\bx(i[t]|tes[t]|describ[e])\(|\bf(i[t]|describ[e])\(|passWithNoTest[s]/,
    reason: 'a test that does not run proves nothing',
  },
  {
    check: 'machine-path',
    files: notLockFile,
    pattern: /(?<![\w.*$}-])\/(work|root|farm|home\/\w+|tmp\/bash_jobs)\/(?=\w|\.)/,
    reason: 'a path of one machine: the project stands alone',
  },
  {
    check: 'lock-file-registry',
    files: (path) => path.endsWith('package-lock.json'),
    pattern: /"resolved": *"https?:/,
    reason:
      'names a registry: set omit-lockfile-registry-resolved=true and run npm install --package-lock-only',
  },
  {
    check: 'switched-off-rule',
    files: isCode,
    pattern: /eslint-dis[a]ble(?!.* -- \S)|@ts-ign[o]re|@ts-noch[e]ck\b/,
    reason: 'a rule may be switched off only for a line, with `-- reason` behind it',
  },
];

/** @type {Check} */
export function lineChecks(tree) {
  return RULES.flatMap((rule) => {
    const files = tree.files.filter((file) => rule.files(file.path));
    return files.flatMap((file) => linesMatching(file, rule.pattern, rule.check, () => rule.reason));
  });
}

/** @type {Check} */
export function longFiles(tree) {
  return tree.files
    .filter((file) => isProgram(file.path) && file.lines.length - 1 > LINES_MAX)
    .map((file) => {
      const reason = `${file.lines.length - 1} lines, at most ${LINES_MAX}: split it by what it knows`;
      return { check: 'long-file', file: file.path, line: LINES_MAX + 1, reason };
    });
}

/**
 * Where packages come from is the machine's affair: neither the public archives nor this machine's own are written down.
 * @type {Check}
 */
export function packageHosts(tree) {
  const hosts = [...PUBLIC_HOSTS, ...hostsOfThisMachine(tree.root)];
  const pattern = new RegExp(`(?<![\\w.-])(${[...new Set(hosts)].map(escaped).join('|')})(?![\\w-])`);
  return tree.files.flatMap((file) =>
    linesMatching(file, pattern, 'package-host', (host) => `the address of a package source: ${host}`),
  );
}

/** @param {string} root */
function hostsOfThisMachine(root) {
  const lists = ['/etc/apt/sources.list', ...sourcesIn('/etc/apt/sources.list.d')]
    .map(readIfThere)
    .join('\n');
  const registry = registryOf(root);
  const hosts = [...`${lists}\n${registry}`.matchAll(/https?:\/\/([^/\s:]+)/g)].map(
    (match) => match[1] ?? '',
  );
  return hosts.filter((host) => host.includes('.') && !host.startsWith('127.'));
}

/** @param {string} root */
function registryOf(root) {
  if (process.env['npm_config_registry']) return process.env['npm_config_registry'];
  try {
    return execFileSync('npm', ['config', 'get', 'registry'], {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  } catch {
    return '';
  }
}

/** @param {string} directory */
function sourcesIn(directory) {
  try {
    return readdirSync(directory).map((name) => join(directory, name));
  } catch {
    return [];
  }
}

/** @param {string} path */
function readIfThere(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** @param {string} text */
const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/**
 * @param {import('./tree.mjs').TextFile} file
 * @param {RegExp} pattern
 * @param {string} check
 * @param {(match: string) => string} reasonFor
 * @returns {Finding[]}
 */
function linesMatching(file, pattern, check, reasonFor) {
  return file.lines.flatMap((text, index) => {
    const match = pattern.exec(text);
    return match ? [{ check, file: file.path, line: index + 1, reason: reasonFor(match[0]) }] : [];
  });
}
