/** Every package that we depend on has its reason written down, and no reason is left for one that we no longer have. */

const PAGE = 'docs/decisions/dependencies.md';

/** @type {import('./tree.mjs').Check} */
export function dependencyReasons(tree) {
  const manifest = tree.files.find((file) => file.path === 'package.json');
  if (!manifest) return [];
  const { dependencies = {}, devDependencies = {}, overrides = {} } = JSON.parse(manifest.text);
  const names = Object.keys({ ...dependencies, ...devDependencies, ...overrides });
  const page = tree.files.find((file) => file.path === PAGE);
  const reasons = new Map(
    (page?.lines ?? []).flatMap((text, index) => namesExplainedBy(text).map((name) => [name, index + 1])),
  );
  const missing = names
    .filter((name) => !reasons.has(name))
    .map((name) => ({
      file: 'package.json',
      line: lineOf(manifest.lines, name),
      reason: `${name} has no line in ${PAGE}`,
    }));
  const stale = [...reasons]
    .filter(([name]) => !names.includes(name))
    .map(([name, line]) => ({
      file: PAGE,
      line,
      reason: `${name} is explained, and package.json does not have it`,
    }));
  return [...missing, ...stale].map((finding) => ({ check: 'dependency', ...finding }));
}

/**
 * A row of the page's tables begins with the names that it explains: `| `name`, `other` | why |`.
 * @param {string} text
 */
function namesExplainedBy(text) {
  const cell = /^\|([^|]*)\|/.exec(text)?.[1] ?? '';
  return [...cell.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? '');
}

/** @param {string[]} lines @param {string} name */
const lineOf = (lines, name) => lines.findIndex((text) => text.includes(`"${name}":`)) + 1;
