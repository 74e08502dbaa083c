/** Bare Ceph in a process of its own: librados starts threads, and its CPU is to be told from everything else's. */
import { serve } from '../companion.js';
import type { Effort } from '../measure/effort.js';
import type { Measured } from '../measure/figures.js';
import { BareCeph } from './ceph.js';

export type FloorWish =
  | { readonly kind: 'connect'; readonly conf: string; readonly user: string; readonly pool: string }
  | { readonly kind: FloorOperation; readonly effort: Effort }
  | { readonly kind: 'remove-all' };

export type FloorOperation = 'create' | 'grow' | 'trash';

const nothing: Measured = { done: 0, failed: {}, wallMs: 0, durationsMs: new Float64Array() };
let ceph: BareCeph | undefined;

serve<FloorWish, Measured>(async (wish) => {
  if (wish.kind === 'connect') {
    ceph = new BareCeph(wish.pool, wish);
    await ceph.connect();
    return nothing;
  }
  if (ceph === undefined) throw new Error('not connected yet');
  switch (wish.kind) {
    case 'create':
      return await ceph.create(wish.effort);
    case 'grow':
      return await ceph.grow(wish.effort);
    case 'trash':
      return await ceph.moveToTrash(wish.effort);
    case 'remove-all':
      await ceph.removeAll();
      return nothing;
  }
});
