import { z } from 'zod';

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

export const laneShape = z.object({
  resource: z.string(),
  account: z.uuid(),
  entries: z.array(
    z.object({
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
      plan: anything,
      ledger: z.array(anything),
      undoing: z.string().nullable(),
      committed: anything,
      parked: anything,
    }),
  ),
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
});

export const discrepancyShape = z.record(z.string(), anything);
