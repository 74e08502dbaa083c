/**
 * Ends with 0 when node_modules holds what package-lock.json asks for. npm writes down what it installed, so comparing
 * the two files is enough, and works whoever installed last.
 */
import { readFileSync } from 'node:fs';

const packagesOf = (file) => {
  try {
    return JSON.parse(readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8')).packages;
  } catch {
    return undefined;
  }
};

const wanted = packagesOf('package-lock.json');
const present = packagesOf('node_modules/.package-lock.json');
const isThere = ([path, { version, optional, link }]) =>
  !path.startsWith('node_modules/') ||
  (present[path] ? link || present[path].version === version : optional === true);
process.exitCode = wanted && present && Object.entries(wanted).every(isThere) ? 0 : 1;
