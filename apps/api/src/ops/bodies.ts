import type { AccountId, HostName, RegionSlug } from '@plumbline/domain';
import { z } from 'zod';

const NAME_MAX = 255;
const VOLUMES_DEFAULT = 20_000;
const GIB_DEFAULT = 20_000_000;
const LIMIT_MAX = 1_000_000_000;

function text(field: string) {
  const error = `${field} must be a text of 1 to ${NAME_MAX} characters`;
  return z.string({ error }).min(1, { error }).max(NAME_MAX, { error });
}

function limit(field: string, otherwise: number) {
  const error = `${field} must be a whole number from 0 to ${LIMIT_MAX}`;
  return z
    .number({ error })
    .int({ error })
    .min(0, { error })
    .max(LIMIT_MAX, { error })
    .nullish()
    .transform((value) => value ?? otherwise);
}

export const accountBody = z.object({
  name: text('name'),
  email: text('email'),
  limits: z
    .object({ volumes: limit('limits.volumes', VOLUMES_DEFAULT), gib: limit('limits.gib', GIB_DEFAULT) })
    .nullish()
    .transform((limits) => limits ?? { volumes: VOLUMES_DEFAULT, gib: GIB_DEFAULT }),
});

/** Who says so, and why. */
export const interventionBody = z.object({ by: text('by'), reason: text('reason') });

export const tokenBody = z.object({ name: text('name') });

const RATE_MAX = 100_000;
const CONCURRENCY_MAX = 256;
const CONCURRENCY_TOTAL_MAX = 100_000;

function setting(field: string, [least, most]: readonly [number, number]) {
  const error = `${field} must be a whole number from ${least} to ${most}, or null for what is configured`;
  return z.number({ error }).int({ error }).min(least, { error }).max(most, { error }).nullish();
}

const SETTINGS = 'by, paused, ratePerSecond, concurrency and concurrencyTotal';

export const throttleBody = z.strictObject(
  {
    by: text('by'),
    paused: z.boolean({ error: 'paused must be true or false' }).optional(),
    ratePerSecond: setting('ratePerSecond', [0, RATE_MAX]),
    concurrency: setting('concurrency', [1, CONCURRENCY_MAX]),
    concurrencyTotal: setting('concurrencyTotal', [0, CONCURRENCY_TOTAL_MAX]),
  },
  {
    error: ({ code, keys }) =>
      code === 'unrecognized_keys' ? `there is no ${String(keys)}: there are ${SETTINGS}` : undefined,
  },
);

export const vmBody = z.object({
  name: text('name'),
  region: text('region').transform((slug) => slug as RegionSlug),
  host: text('host').transform((name) => name as HostName),
  account: z.uuid({ error: 'account must be the id of an account' }).transform((id) => id as AccountId),
  socket: text('socket'),
});
