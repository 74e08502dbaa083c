/**
 * The table of remedies in docs/operating/discrepancies.md, made from the facets themselves: what a page says is done is what is
 * done. `node tools/quality/remedies.mjs` writes it, after a build; a unit test compares.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

/**
 * @typedef {{ name: string, class: string, does: string, why: string, files?: { kind: string } }} Remedy
 * @typedef {{ name: string, remedies: readonly Remedy[] }} Facet
 */

export const PAGE = 'docs/operating/discrepancies.md';
const BEGIN = '<!-- Written by tools/quality/remedies.mjs. -->';
const END = '<!-- Up to here. -->';

/**
 * @param {readonly Facet[]} facets
 * @returns {string} as the formatter leaves it
 */
export function tableOf(facets) {
  const rows = facets.flatMap(({ name: facet, remedies }) =>
    remedies.map((remedy) => [
      `[\`${remedy.name}\`](#${remedy.name})`,
      `\`${facet}\``,
      `\`${remedy.class}\``,
      doneOf(remedy),
      remedy.why,
    ]),
  );
  const head = ['remedy', 'facet', 'class', 'what is done', 'why'];
  const widths = head.map((_, at) => Math.max(...[head, ...rows].map((row) => [...(row[at] ?? '')].length)));
  const rule = widths.map((width) => '-'.repeat(width));
  return [head, rule, ...rows].map((row) => `| ${row.map(padded).join(' | ')} |`).join('\n');

  /** @param {string} cell @param {number} at */
  function padded(cell, at) {
    return cell + ' '.repeat((widths[at] ?? 0) - [...cell].length);
  }
}

/** @param {Remedy} remedy */
function doneOf({ does, files }) {
  if (does === 'report') return 'it is reported';
  if (does === 'repair') return `intent \`${files?.kind}\``;
  return files ? `a person is called; intent \`${files.kind}\` parks the volume` : 'a person is called';
}

/**
 * @param {string} page
 * @param {readonly Facet[]} facets
 * @returns {string} the page with the table as it should be
 */
export function written(page, facets) {
  const [from, to] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (from === -1 || to < from) throw new Error(`${PAGE} has lost the marks between which the table stands`);
  return `${page.slice(0, from)}${BEGIN}\n\n${tableOf(facets)}\n\n${page.slice(to)}`;
}

/**
 * @param {string} page
 * @param {readonly Facet[]} facets
 * @returns {string[]} remedies without a section of their own, in which a person finds what to do
 */
export function unexplained(page, facets) {
  const headings = new Set(page.split('\n').flatMap((line) => /^### (\S+)$/.exec(line)?.[1] ?? []));
  return facets
    .flatMap(({ remedies }) => remedies.map(({ name }) => name))
    .filter((name) => !headings.has(name));
}

async function main() {
  const root = resolve(import.meta.dirname, '../..');
  const path = resolve(root, PAGE);
  const built = pathToFileURL(resolve(root, 'apps/api/dist/facets.js')).href;
  const { FACETS } = /** @type {{ FACETS: readonly Facet[] }} */ (await import(built));
  const page = readFileSync(path, 'utf8');
  writeFileSync(path, written(page, FACETS));
  for (const name of unexplained(page, FACETS)) {
    console.log(`${PAGE}: ${name} has no section`);
    process.exitCode = 1;
  }
}

if (process.argv[1] === import.meta.filename) await main();
