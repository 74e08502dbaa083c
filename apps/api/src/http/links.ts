import type { FastifyRequest } from 'fastify';
import { pageLinks, pageOf } from './paging.js';
import type { PageLinks, Query } from './paging.js';

export type ListAnswer<Key extends string, T> = Record<Key, readonly T[]> & {
  readonly links: PageLinks;
  readonly meta: { readonly total: number };
};

/** Absolute addresses, from the configured public one or from what the client used. */
export class Links {
  private readonly publicUrl: string | null;

  constructor(publicUrl: string | null) {
    this.publicUrl = publicUrl?.replace(/\/+$/, '') ?? null;
  }

  to(request: FastifyRequest, path: string): string {
    return `${this.publicUrl ?? `${request.protocol}://${request.host}`}${path}`;
  }

  /** `{<key>: [...], links, meta}`. `items` are those of this page, `total` counts all that match. */
  list<Key extends string, T>(
    request: FastifyRequest,
    { key, items, total }: { key: Key; items: readonly T[]; total: number },
  ): ListAnswer<Key, T> {
    const page = pageOf(request.query as Query);
    const [path = '', query = ''] = request.url.split('?', 2);
    const linkTo = (n: number): string => {
      const parameters = new URLSearchParams(query);
      parameters.set('page', String(n));
      parameters.set('per_page', String(page.perPage));
      return this.to(request, `${path}?${parameters.toString()}`);
    };
    const links = pageLinks({ page, total, linkTo });
    return { [key]: items, links, meta: { total } } as ListAnswer<Key, T>;
  }
}
