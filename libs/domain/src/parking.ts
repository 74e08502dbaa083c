/** The closed list of reasons why a person is needed; each has a page in `docs/operating`. */
export const PARK_REASONS = [
  'rejected-after-commit',
  'release-rejected',
  'tries-exhausted',
  'undo-failed',
  'image-missing',
  'stranger',
  'invariant',
] as const;
export type ParkReason = (typeof PARK_REASONS)[number];
