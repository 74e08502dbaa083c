import fc from 'fast-check';
import { pageLinks, pageOf, slicePage } from './paging.js';
import type { PageLinks } from './paging.js';

const total = fc.nat(450);
const perPage = fc.integer({ min: 1, max: 200 });

function linksOf(of: { page: number; perPage: number; total: number }): PageLinks {
  return pageLinks({ page: of, total: of.total, linkTo: (page) => `?page=${page}` });
}

function pageIn(link: string): number {
  return pageOf(Object.fromEntries(new URLSearchParams(link))).page;
}

describe('paging', () => {
  it('visits every item exactly once when a client follows next from the first page', () => {
    fc.assert(
      fc.property(total, perPage, (count, size) => {
        const items = Array.from({ length: count }, (_, at) => at);
        const visited: number[] = [];
        for (let page: number | null = 1; page !== null;) {
          visited.push(...slicePage(items, { page, perPage: size }));
          const next: string | undefined = linksOf({ page, perPage: size, total: count }).pages?.next;
          page = next === undefined ? null : pageIn(next);
        }
        expect(visited).toEqual(items);
      }),
    );
  });

  it('tells the first page its last, every later page where it is, and a page that holds all nothing', () => {
    fc.assert(
      fc.property(total, perPage, fc.integer({ min: 1, max: 500 }), (count, size, page) => {
        const last = Math.max(1, Math.ceil(count / size));
        const { pages } = linksOf({ page, perPage: size, total: count });
        if (page === 1 && last === 1) return expect(pages).toBeUndefined();
        expect(pages?.first !== undefined).toBe(page > 1);
        expect(pages?.prev === undefined ? null : pageIn(pages.prev) + 1).toBe(
          page === 1 ? null : Math.min(page, last + 1),
        );
        expect(pages?.next === undefined ? null : pageIn(pages.next)).toBe(page < last ? page + 1 : null);
        expect(pages?.last === undefined ? null : pageIn(pages.last)).toBe(page < last ? last : null);
      }),
    );
  });

  it('clamps what is out of range and ignores what is no number', () => {
    const of = (page: string, per_page: string) => pageOf({ page, per_page });
    expect(of('0', '0')).toEqual({ page: 1, perPage: 1 });
    expect(of('-3', '201')).toEqual({ page: 1, perPage: 200 });
    expect(of('two', '1e3')).toEqual({ page: 1, perPage: 20 });
    expect(of('', '')).toEqual({ page: 1, perPage: 20 });
    expect(of('9'.repeat(400), '5').perPage).toBe(5);
    expect(Number.isSafeInteger(of('9'.repeat(400), '5').page)).toBe(true);
  });
});
