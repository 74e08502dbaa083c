import { DISCREPANCY_STATES, SCRUB_MODES } from '@plumbline/domain';
import { z } from 'zod';

const instant = z.number().int();
const count = z.number().int();
const anything = z.unknown();
const sort = z.enum(['missing', 'unexpected', 'different']);
const doing = z.enum(['repair', 'page', 'report']);

export const discrepancyShape = z.object({
  /** `<facet>/<sha-256>`, as it stands behind `/ops/v1/discrepancies/`. */
  id: z.string(),
  facet: z.string(),
  class: sort,
  key: z.string(),
  host: z.string().nullable(),
  /** Null: a stranger's thing. */
  volume: z.string().nullable(),
  account: z.string().nullable(),
  want: anything,
  seen: anything,
  seenBy: z.string(),
  recordIndex: count,
  intents: z.number().int(),
  firstSeenAt: instant,
  lastSeenAt: instant,
  remedy: z.object({ name: z.string(), does: doing, why: z.string() }),
  state: z.enum(DISCREPANCY_STATES),
  intent: z.string().nullable(),
  repairs: count,
  parked: z.string().nullable(),
  accepted: z.object({ by: z.string(), reason: z.string(), until: instant }).nullable(),
  history: z.array(z.object({ at: instant, state: z.enum(DISCREPANCY_STATES), note: z.string() })),
  /** The section of the documentation that helps. */
  page: z.string(),
});

export const brakeShape = z.object({
  facet: z.string(),
  why: z.enum(['share', 'few-listed', 'rewound']),
  at: instant,
  wrong: count,
  of: count,
});

const releaseShape = z.object({
  facet: z.string(),
  wrong: count,
  by: z.string(),
  reason: z.string(),
  at: instant,
});

export const settingsShape = z.object({
  /** By name of remedy; those not named repair. */
  modes: z.record(z.string(), z.enum(SCRUB_MODES)),
  repairsPerHour: count.nullable(),
  paused: z.boolean(),
});

const facetCountShape = z.object({
  facet: z.string(),
  /** Null: it could not be listed. */
  objects: count.nullable(),
  /** Expected in a part of the source that could not be asked. */
  unasked: count,
  missing: count,
  unexpected: count,
  different: count,
});

const passReportShape = z.object({
  pass: count,
  startedAt: instant,
  endedAt: instant,
  volumes: count,
  facets: z.array(facetCountShape),
  confirmed: count,
  healed: count,
  filed: count,
  waiting: count,
  oldestAt: instant.nullable(),
});

export const scrubShape = z.object({
  /** By the registry's time, as all instants here. */
  now: instant,
  /** Null: no scrubber has ever led. */
  status: z
    .object({
      leader: z.string(),
      at: instant,
      /** Null: between two passes. */
      pass: z
        .object({
          pass: count,
          startedAt: instant,
          looked: count,
          expected: count.nullable(),
          after: z.string().nullable(),
          facets: z.array(facetCountShape),
        })
        .nullable(),
      perSecond: z.number(),
      /** How fast each source is asked now, and how fast it may be. */
      paces: z.array(z.object({ source: z.string(), perSecond: z.number(), budget: z.number() })),
      last: passReportShape.nullable(),
    })
    .nullable(),
  /** Since the last whole pass ended; null: there was none. */
  lagMs: count.nullable(),
  /** Since the last whole pass began: nothing has gone unlooked at for longer. */
  oldestLookMs: count.nullable(),
  brakes: z.array(brakeShape),
  releases: z.array(releaseShape),
  settings: settingsShape,
});

export const scrubReportShape = z.object({
  /** Null: there was no whole pass yet. */
  pass: passReportShape.nullable(),
  /** What is on the list now: not repaired, and not accepted. */
  open: z.array(z.object({ facet: z.string(), class: sort, count })),
  oldest: discrepancyShape.nullable(),
  /** The newest first. */
  repaired: z.array(discrepancyShape),
  repairedTotal: count,
  /** The oldest first. */
  waiting: z.array(z.object({ discrepancy: discrepancyShape, why: z.string() })),
  waitingTotal: count,
  brakes: z.array(brakeShape),
  paused: z.boolean(),
});

const concerned = {
  id: z.string(),
  facet: z.string(),
  class: sort,
  key: z.string(),
  host: z.string().nullable(),
  volume: z.string().nullable(),
  remedy: z.string(),
};

export const repairPlanShape = z.object({
  /** Of the facts, not of their times. */
  hash: z.string(),
  filter: z.object({ volume: z.string().optional(), remedy: z.string().optional() }),
  would: z.array(
    z.object({
      ...concerned,
      does: doing,
      /** Of the intent that would be recorded. */
      kind: z.string(),
      why: z.string(),
      want: anything,
      seen: anything,
      recordIndex: count,
    }),
  ),
  /** Repairs beyond what one plan holds. */
  beyond: count,
  held: z.array(
    z.object({
      ...concerned,
      by: z.enum(['seen-once', 'repairing', 'parked', 'accepted', 'brake', 'paused', 'off', 'by-hand']),
      why: z.string(),
    }),
  ),
});

const requested = { hash: z.string(), by: z.string(), reason: z.string(), requestedAt: instant };

export const repairsShape = z.union([
  z.object({ state: z.literal('waiting'), ...requested }),
  z.object({
    state: z.literal('done'),
    ...requested,
    at: instant,
    filed: z.array(z.object({ id: z.string(), intent: z.uuid() })),
    passedOver: z.array(
      z.object({
        id: z.string(),
        why: z.enum(['agrees', 'unknown', 'changed', 'no-repair', 'refused', 'brake', 'paused', 'off']),
      }),
    ),
  }),
]);
