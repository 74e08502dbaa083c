import { SCRUB_MODES } from '@plumbline/domain';
import type { VolumeId } from '@plumbline/domain';
import { z } from 'zod';
import { interventionBody } from './bodies.js';

const { by } = interventionBody.shape;
const REPAIRS_MAX = 100_000;
const SETTINGS = 'by, modes, repairsPerHour and paused';

const until = 'until must be an instant such as 2030-01-31T12:00:00Z';

export const acceptBody = interventionBody.extend({
  until: z.iso.datetime({ error: until, offset: true }).transform((text) => Date.parse(text)),
});

const modes = `modes must be an object of names of remedies, each with one of ${SCRUB_MODES.join(', ')}`;
const repairs = `repairsPerHour must be a whole number from 0 to ${REPAIRS_MAX}, or null for what is configured`;

export const scrubSettingsBody = z.strictObject(
  {
    by,
    modes: z.record(z.string(), z.enum(SCRUB_MODES, { error: modes }), { error: modes }).optional(),
    repairsPerHour: z
      .number({ error: repairs })
      .int({ error: repairs })
      .min(0, { error: repairs })
      .max(REPAIRS_MAX, { error: repairs })
      .nullable()
      .optional(),
    paused: z.boolean({ error: 'paused must be true or false' }).optional(),
  },
  {
    error: ({ code, keys }) =>
      code === 'unrecognized_keys' ? `there is no ${String(keys)}: there are ${SETTINGS}` : undefined,
  },
);

const volume = 'volume must be the id of a volume';
const remedy = 'remedy must be the name of a remedy';
const both = 'volume and remedy cannot both be given';

const filter = z.object({
  volume: z
    .uuid({ error: volume })
    .transform((id) => id as VolumeId)
    .optional(),
  remedy: z.string({ error: remedy }).optional(),
});

function isOne({ remedy, volume }: z.infer<typeof filter>): boolean {
  return remedy === undefined || volume === undefined;
}

/** Of one volume, of one remedy, or of all. */
export const planBody = filter.refine(isOne, { error: both });

const hash = 'hash must be that of a plan';

export const applyBody = filter
  .extend({
    ...interventionBody.shape,
    hash: z.string({ error: hash }).regex(/^[0-9a-f]{64}$/, { error: hash }),
  })
  .refine(isOne, { error: both });
