import { PARK_REASONS } from '@plumbline/domain';
import { z } from 'zod';
import { discrepancyShape } from './scrub-shapes.js';

/** Instants of operators' answers are milliseconds since 1970, as the registry keeps them. */
const instant = z.number().int();
/** Data of intents and sources, as they are. */
const anything = z.unknown();

export const accountRecordShape = z.object({
  id: z.uuid(),
  name: z.string(),
  email: z.string(),
  createdAt: instant,
  limits: z.object({ volumes: z.number().int(), gib: z.number().int() }),
});

export const tokenShape = z.object({ id: z.uuid(), name: z.string(), createdAt: instant });

export const vmShape = z.object({
  id: z.number().int(),
  name: z.string(),
  region: z.string(),
  host: z.string(),
  account: z.uuid(),
  socket: z.string(),
  createdAt: instant,
  slots: z.record(z.string(), z.enum(['reserved', 'attached'])),
});

export const bootShape = z.object({
  boot: z.uuid(),
  name: z.string(),
  app: z.string(),
  state: z.enum(['alive', 'fencing']),
  startedAt: instant,
  address: z.string().nullable(),
  host: z.string().nullable(),
  version: z.string(),
  /** Counted by the boot itself; a boot is silent when this stands still. */
  beats: z.number().int().nullable(),
});

const laneEntryShape = z.object({
  intent: z.uuid(),
  kind: z.string(),
  params: anything,
  region: z.string(),
  action: z.number().int(),
  requestId: z.string(),
  recordedAt: instant,
  attempt: anything,
  turns: z.number().int(),
  tries: z.number().int(),
  retryAt: instant.optional(),
  plan: anything,
  ledger: z.array(anything),
  undoing: z.string().nullable(),
  committed: anything,
  parked: anything,
});

export const laneShape = z.object({
  resource: z.string(),
  account: z.uuid(),
  entries: z.array(laneEntryShape),
});

/** An intent that is pending: its entry in the lane, and where that is. */
const pendingIntentShape = laneEntryShape.extend({
  state: z.enum(['pending', 'parked']),
  account: z.uuid(),
  resource: z.string(),
  /** From 0, the head: the only one that is being carried out. */
  position: z.number().int(),
  /** With the page of the documentation that helps. */
  parked: z
    .object({ reason: z.enum(PARK_REASONS), detail: z.string(), at: instant, page: z.string() })
    .nullable(),
});

/** An intent that has ended: its action is all that is kept. */
const settledIntentShape = z.object({
  state: z.literal('settled'),
  intent: z.uuid(),
  kind: z.string(),
  params: anything,
  account: z.uuid(),
  region: z.string(),
  resource: z.string(),
  action: z.number().int(),
  recordedAt: instant,
  completedAt: instant.nullable(),
  status: z.enum(['in-progress', 'completed', 'errored']),
  message: z.string().nullable(),
  revBefore: z.number().int().nullable(),
  revAfter: z.number().int().nullable(),
});

export const intentShape = z.object({ intent: z.union([pendingIntentShape, settledIntentShape]) });

/** What became of an image that came under management, left it, or was grown by hand. */
export const adoptionShape = z.object({
  adoption: z.object({
    volume: z.uuid(),
    intent: z.uuid(),
    image: z.string(),
    sizeGib: z.number().int(),
    endedAt: z.number().nullable(),
  }),
});

export const truthShape = z.object({
  volume: z.uuid(),
  verdict: z.enum(['agreed', 'differs', 'unknown', 'busy']),
  lookedAt: z.iso.datetime(),
  record: anything,
  tombstone: anything,
  facets: z.array(
    z.object({
      facet: z.string(),
      source: z.string(),
      key: z.string(),
      host: z.string().optional(),
      expected: anything,
      seen: anything.optional(),
      unknown: z.string().optional(),
      lookedAt: z.iso.datetime().optional(),
      agrees: z.boolean().nullable(),
    }),
  ),
  lane: laneShape.nullable(),
  owed: z.array(anything),
  discrepancies: z.array(discrepancyShape),
});

const tick = z.number().int();

export const haltShape = z.union([
  z.object({ halted: z.literal(false), registryTick: tick.nullable() }),
  z.object({
    halted: z.literal(true),
    /** Now; while halted it stands still. */
    registryTick: tick.nullable(),
    since: instant,
    by: z.string(),
    why: z.string(),
    /** When the halt was found. */
    tickThen: tick.nullable(),
    /** By source; one that is not there has not been asked yet. */
    witnesses: z.record(z.string(), tick),
  }),
]);

const count = z.number().int();

/** How a source is throttled, what that comes to, and what waits. */
export const throttleShape = z.object({
  source: z.string(),
  set: z.object({
    paused: z.boolean(),
    ratePerSecond: count.nullable(),
    concurrency: count.nullable(),
    concurrencyTotal: count.nullable(),
    by: z.string(),
    at: instant,
  }),
  /** Null: Redis cannot be asked. */
  queue: z
    .object({
      paused: z.boolean(),
      ahead: count,
      bulk: count,
      active: count,
      delayed: count,
      lanesRung: count,
      accountsRung: count,
    })
    .nullable(),
  /** As each said a few seconds ago; null: Redis cannot be asked. */
  workers: z
    .array(
      z.object({
        name: z.string(),
        concurrency: count,
        held: z.array(z.enum(['outage', 'paused'])),
        breakers: z.array(
          z.object({
            part: z.string().nullable(),
            state: z.enum(['closed', 'open', 'trial']),
            failures: count,
          }),
        ),
      }),
    )
    .nullable(),
});

/** Unsettled intents of an account that has many. */
export const pendingShape = z.object({ account: z.string(), pending: count });
