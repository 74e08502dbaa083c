import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { extname, join } from 'node:path';

/**
 * @typedef {{ path: string, text: string, lines: string[] }} TextFile
 * @typedef {{ root: string, files: TextFile[], paths: Set<string> }} Tree
 * @typedef {{ check: string, file: string, line: number, reason: string }} Finding
 * @typedef {(tree: Tree) => Finding[]} Check
 */

const BINARY = new Set(['.png', '.jpg', '.gif', '.ico', '.woff', '.woff2', '.gz', '.xz', '.pdf']);

/**
 * The files that git has or would take, so that what is ignored (builds, data of a stack) is never looked at.
 * @param {string} root
 * @returns {Tree}
 */
export function readTree(root) {
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 2 ** 20,
  });
  const paths = [...new Set(listed.split('\0').filter(Boolean))].sort();
  const files = paths
    .filter((path) => !BINARY.has(extname(path)))
    .flatMap((path) => readText(root, path) ?? []);
  return { root, files, paths: new Set(paths) };
}

/**
 * @param {string} root
 * @param {string} path
 * @returns {TextFile | undefined} nothing for a file that was deleted, but not yet in git, and for a link to a directory
 */
function readText(root, path) {
  try {
    const text = readFileSync(join(root, path), 'utf8');
    return { path, text, lines: text.split('\n') };
  } catch (error) {
    const code = /** @type {NodeJS.ErrnoException} */ (error).code;
    if (code === 'ENOENT' || code === 'EISDIR') return undefined;
    throw error;
  }
}

/** @param {string} path */
export const isCode = (path) => /\.(ts|mjs)$/.test(path) && !path.endsWith('.d.ts');

/** @param {string} path */
export const isTest = (path) => /\.(e2e-)?spec\.(ts|mjs)$/.test(path) || /(^|\/)test\//.test(path);

/** @param {string} path */
export const isShell = (path) => /\.sh$/.test(path) || /^(tools|\.ci)\/[^./]+$/.test(path);
