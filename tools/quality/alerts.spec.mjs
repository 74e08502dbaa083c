import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const rules = readFileSync(`${root}/docs/operating/alerts.yml`, 'utf8');
const page = readFileSync(`${root}/docs/operating/alerts.md`, 'utf8');

/** @param {RegExp} pattern @param {string} text */
const all = (pattern, text) => [...text.matchAll(pattern)].map((match) => match[1] ?? '');

/** Everything that the programs say. */
const programs = ['apps', 'libs']
  .flatMap((folder) =>
    readdirSync(`${root}/${folder}`, { recursive: true, encoding: 'utf8' })
      .filter((path) => path.includes('src/') && path.endsWith('.ts') && !path.includes('node_modules'))
      .map((path) => readFileSync(`${root}/${folder}/${path}`, 'utf8')),
  )
  .join('\n');

describe('the alert rules', () => {
  it('have a section each, which they name, and no section is without its rule', () => {
    const names = all(/- alert: (\w+)/g, rules);
    expect(names.length).toBeGreaterThan(5);
    expect(all(/^### (\w+)$/gm, page)).toEqual(names);
    expect(all(/page: docs\/operating\/alerts\.md#(\w+)/g, rules)).toEqual(
      names.map((name) => name.toLowerCase()),
    );
  });

  it('ask for metrics and labels that there are', () => {
    const metrics = all(/(plumbline_\w+)/g, rules);
    expect(metrics.filter((name) => !programs.includes(`'${name}'`))).toEqual([]);
    const labels = all(/by \(([\w, ]+)\)/g, rules).flatMap((list) => list.split(', '));
    expect(labels.filter((name) => !programs.includes(`'${name}'`))).toEqual([]);
  });
});
