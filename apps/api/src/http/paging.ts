const PER_PAGE_DEFAULT = 20;
const PER_PAGE_MAX = 200;
/** Beyond any list that can be kept; keeps sums of page and size exact. */
const PAGE_MAX = 1_000_000_000;

export interface Page {
  /** From 1. */
  readonly page: number;
  readonly perPage: number;
}

export type Query = Readonly<Record<string, string | readonly string[] | undefined>>;

/** What is out of range is clamped and what is no number ignored: every known client stays inside, and none is broken. */
export function pageOf(query: Query): Page {
  return {
    page: within(numberOf(query['page']), { otherwise: 1, max: PAGE_MAX }),
    perPage: within(numberOf(query['per_page']), { otherwise: PER_PAGE_DEFAULT, max: PER_PAGE_MAX }),
  };
}

/** A parameter's value; absent and empty are the same, and of several the last counts. */
export function parameter(query: Query, name: string): string | null {
  const value = query[name];
  const last = typeof value === 'string' ? value : value?.at(-1);
  return last === undefined || last === '' ? null : last;
}

/** The items of one page. */
export function slicePage<T>(items: readonly T[], { page, perPage }: Page): readonly T[] {
  return items.slice((page - 1) * perPage, page * perPage);
}

export interface PageLinks {
  readonly pages?: {
    readonly first?: string;
    readonly prev?: string;
    readonly next?: string;
    readonly last?: string;
  };
}

/**
 * Clients count pages by `last` and know where they are by `prev`: the first page has `next` and `last`, every later one
 * `first` and `prev`, and all but the last `next` and `last`. One page that holds everything has none.
 */
export function pageLinks(by: { page: Page; total: number; linkTo: (page: number) => string }): PageLinks {
  const { linkTo, total } = by;
  const { page, perPage } = by.page;
  const last = Math.max(1, Math.ceil(total / perPage));
  const back = page > 1 ? { first: linkTo(1), prev: linkTo(Math.min(page - 1, last)) } : {};
  const forth = page < last ? { next: linkTo(page + 1), last: linkTo(last) } : {};
  const pages = { ...back, ...forth };
  return Object.keys(pages).length === 0 ? {} : { pages };
}

function numberOf(value: Query[string]): number | null {
  const text = typeof value === 'string' ? value : value?.at(-1);
  return text !== undefined && /^-?\d+$/.test(text) ? Number(text) : null;
}

function within(value: number | null, { otherwise, max }: { otherwise: number; max: number }): number {
  return value === null ? otherwise : Math.min(Math.max(value, 1), max);
}
