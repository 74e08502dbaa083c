/** What people do by hand, past all of us. */
export const DRIFTS = [
  'image-removed',
  'image-trashed-by-hand',
  'image-shrunk',
  'image-swapped',
  'image-renamed',
  'image-left-over',
  'image-of-stranger',
  'disk-pulled',
  'disk-astray',
  'bill-lost',
  'bill-left',
  'name-held-besides',
  'name-taken-away',
  'slot-freed',
  'brake-put-on',
] as const;
export type Drift = (typeof DRIFTS)[number];
