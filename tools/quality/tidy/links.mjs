import { dirname, join, normalize } from 'node:path';

/**
 * @typedef {import('./tree.mjs').TextFile} TextFile
 * @typedef {{ target: string, line: number }} Link
 */

/** @type {import('./tree.mjs').Check} */
export function brokenLinks(tree) {
  const pages = new Map(
    tree.files.filter((file) => file.path.endsWith('.md')).map((file) => [file.path, file]),
  );
  const directories = new Set([...tree.paths].flatMap(directoriesAbove));
  return [...pages.values()].flatMap((page) =>
    linksIn(page).flatMap(({ target, line }) => {
      const [path = '', anchor] = target.split('#');
      const wanted =
        path === ''
          ? page.path
          : normalize(join(path.startsWith('/') ? '.' : dirname(page.path), decodeURI(path)));
      const bare = wanted.replace(/\/$/, '');
      const reason = !(tree.paths.has(bare) || directories.has(bare))
        ? `link to ${target}: nothing is there`
        : anchor && pages.has(bare) && !anchorsOf(pages.get(bare)).has(anchor)
          ? `link to ${target}: no such heading`
          : undefined;
      return reason ? [{ check: 'broken-link', file: page.path, line, reason }] : [];
    }),
  );
}

/** @param {string} path */
function directoriesAbove(path) {
  const parts = path.split('/').slice(0, -1);
  return ['.', ...parts.map((_, index) => parts.slice(0, index + 1).join('/'))];
}

/**
 * Relative links only; other sites are not asked, because a test that needs the network fails for reasons that are not ours.
 * @param {TextFile} page
 * @returns {Link[]}
 */
function linksIn(page) {
  return prose(page).flatMap(({ text, line }) => {
    const inline = [...text.matchAll(/\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)/g)];
    const defined = [...text.matchAll(/^\s*\[[^\]]+\]:\s+<?(\S+?)>?\s*$/g)];
    const targets = [...inline, ...defined].map((match) => match[1] ?? '');
    return targets
      .filter((target) => target !== '' && !/^[a-z][a-z+.-]*:/i.test(target))
      .map((target) => ({ target, line }));
  });
}

/**
 * The lines of a page outside code, where what looks like a link is none.
 * @param {TextFile} page
 */
function prose(page) {
  let fence = '';
  return page.lines.flatMap((text, index) => {
    const mark = /^\s*(```+|~~~+)/.exec(text)?.[1] ?? '';
    if (fence !== '') {
      if (mark.startsWith(fence)) fence = '';
      return [];
    }
    fence = mark;
    return mark === '' ? [{ text: text.replace(/`[^`]*`/g, ''), line: index + 1 }] : [];
  });
}

/**
 * Anchors as the usual renderers of Markdown make them from headings.
 * @param {TextFile | undefined} page
 */
function anchorsOf(page) {
  const headings = (page?.lines ?? []).flatMap((text) => /^#{1,6}\s+(.*?)\s*#*$/.exec(text)?.[1] ?? []);
  const slugs = headings.map((heading) =>
    heading
      .toLowerCase()
      .replace(/\]\([^)]*\)/g, '')
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replace(/\s/g, '-'),
  );
  return new Set([
    ...slugs,
    ...slugs.map(
      (slug, index) => `${slug}-${slugs.slice(0, index).filter((other) => other === slug).length}`,
    ),
  ]);
}
