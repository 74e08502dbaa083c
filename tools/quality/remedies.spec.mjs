import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { FACETS } from '../../apps/api/src/facets.js';
import { PAGE, tableOf, unexplained, written } from './remedies.mjs';

const page = readFileSync(fileURLToPath(new URL(`../../${PAGE}`, import.meta.url)), 'utf8');

const facet = {
  name: 'x.thing',
  remedies: [
    { name: 'thing-lost', class: 'missing', does: 'repair', why: 'it was', files: { kind: 'repair-thing' } },
    { name: 'thing-odd', class: 'different', does: 'page', why: 'nobody knows' },
  ],
};

describe('the page of discrepancies', () => {
  it('has the table of remedies as the facets have them; else: node tools/quality/remedies.mjs', () => {
    expect(page).toBe(written(page, FACETS));
  });

  it('says of every remedy what a person does', () => {
    expect(unexplained(page, FACETS)).toEqual([]);
  });

  it('is found out when it is out of date', () => {
    expect(written(page, [facet])).not.toBe(page);
    expect(unexplained('### thing-lost\n', [facet])).toEqual(['thing-odd']);
    expect(() => written('nothing', FACETS)).toThrow('marks');
    expect(tableOf([facet]).split('\n')).toEqual([
      '| remedy                      | facet     | class       | what is done          | why          |',
      '| --------------------------- | --------- | ----------- | --------------------- | ------------ |',
      '| [`thing-lost`](#thing-lost) | `x.thing` | `missing`   | intent `repair-thing` | it was       |',
      '| [`thing-odd`](#thing-odd)   | `x.thing` | `different` | a person is called    | nobody knows |',
    ]);
  });
});
