import { dependencyReasons } from './dependencies.mjs';
import { deadExports, importCycles } from './exports.mjs';
import { lineChecks, longFiles, packageHosts } from './lines.mjs';
import { brokenLinks } from './links.mjs';
import { readTree } from './tree.mjs';
import { declaredNames, fileNames } from './words.mjs';

const CHECKS = [
  longFiles,
  deadExports,
  importCycles,
  brokenLinks,
  fileNames,
  declaredNames,
  lineChecks,
  packageHosts,
  dependencyReasons,
];

/**
 * Runs every check over the tree at `root`, less what is allowed there, in the order of files and lines.
 * @param {string} root
 * @param {typeof import('./allowed.mjs').ALLOWED} allowed
 * @returns {import('./tree.mjs').Finding[]}
 */
export function findingsIn(root, allowed) {
  const tree = readTree(root);
  const found = CHECKS.flatMap((check) => check(tree));
  const excuses = (
    /** @type {typeof allowed[number]} */ entry,
    /** @type {typeof found[number]} */ finding,
  ) => entry.check === finding.check && entry.file === finding.file && finding.reason.includes(entry.about);
  const kept = found.filter((finding) => !allowed.some((entry) => excuses(entry, finding)));
  const stale = allowed
    .filter((entry) => !found.some((finding) => excuses(entry, finding)))
    .map((entry) => {
      const reason = `${entry.check} of ${entry.file} (${entry.about}) is allowed, and no longer found`;
      return { check: 'allowed', file: 'tools/quality/tidy/allowed.mjs', line: 1, reason };
    });
  return [...kept, ...stale].sort((a, b) => a.file.localeCompare(b.file) || a.line - b.line);
}
