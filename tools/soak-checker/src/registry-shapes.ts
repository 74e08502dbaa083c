/** The registry's entries as far as they are judged, by their places below its prefix. */
import { z } from 'zod';

const volume = z.object({
  id: z.string(),
  account: z.string(),
  name: z.string(),
  region: z.string(),
  sizeGib: z.number(),
  imageId: z.string(),
  attachment: z.object({ vm: z.number() }).nullable(),
  rev: z.number(),
});
export type VolumeEntry = z.infer<typeof volume>;

const tombstone = z.object({ id: z.string(), account: z.string(), region: z.string(), rev: z.number() });

const action = z.object({
  n: z.number(),
  account: z.string(),
  resource: z.string().transform((resource) => resource.replace(/^volume\//, '')),
  intent: z.string(),
  kind: z.string(),
  type: z.string(),
  params: z.record(z.string(), z.unknown()),
  status: z.enum(['in-progress', 'completed', 'errored']),
  startedAt: z.number(),
  completedAt: z.number().nullable(),
  message: z.string().optional(),
  revAfter: z.number().nullable(),
});
export type ActionEntry = z.infer<typeof action>;

const lane = z.object({
  resource: z.string().transform((resource) => resource.replace(/^volume\//, '')),
  entries: z.array(
    z.object({
      intent: z.string(),
      kind: z.string(),
      attempt: z.object({ boot: z.string() }).nullable(),
      tries: z.number(),
      parked: z.object({ reason: z.string(), detail: z.string() }).nullable(),
    }),
  ),
});
export type LaneEntries = z.infer<typeof lane>;

const vm = z.object({ id: z.number(), account: z.string(), slots: z.record(z.string(), z.string()) });
const usage = z.object({ volumes: z.number(), gib: z.number() });
const account = z.object({ id: z.string(), limits: z.object({ volumes: z.number(), gib: z.number() }) });
const discrepancy = z.object({
  facet: z.string(),
  class: z.string(),
  key: z.string(),
  volume: z.string().nullable(),
  state: z.string(),
});
const boot = z.object({ boot: z.string(), name: z.string(), state: z.string() });

/** What removes for good, and leaves nothing behind but the id. */
export const PURGE = 'purge_volume';
/** Puts a disk back into its VM: the one repair that faults of a soak can make necessary. */
export const REPAIR_DISK = 'repair_disk';

export type RawRegistry = ReadonlyMap<string, unknown>;

/** The registry, read by kind. An entry that cannot be read ends the check: what is judged must be understood. */
export interface Registry {
  readonly keys: readonly string[];
  readonly volumes: readonly VolumeEntry[];
  readonly tombstones: readonly z.infer<typeof tombstone>[];
  readonly actions: readonly ActionEntry[];
  /** What no customer asked for: repairs, and purges. */
  readonly internal: readonly ActionEntry[];
  readonly lanes: readonly LaneEntries[];
  readonly vms: readonly z.infer<typeof vm>[];
  readonly boots: readonly z.infer<typeof boot>[];
  readonly discrepancies: readonly z.infer<typeof discrepancy>[];
  readonly accounts: readonly z.infer<typeof account>[];
  readonly usage: ReadonlyMap<string, z.infer<typeof usage>>;
  readonly names: ReadonlyMap<string, unknown>;
  readonly owners: ReadonlyMap<string, unknown>;
}

export function readRegistry(raw: RawRegistry): Registry {
  const under = <T>(prefix: string, shape: z.ZodType<T>): Map<string, T> =>
    new Map(
      [...raw]
        .filter(([key]) => key.startsWith(`${prefix}/`))
        .map(([key, value]) => [key.slice(prefix.length + 1), shape.parse(value)]),
    );
  const all = <T>(prefix: string, shape: z.ZodType<T>): T[] => [...under(prefix, shape).values()];
  return {
    keys: [...raw.keys()],
    volumes: all('volumes', volume),
    tombstones: all('tombstones', tombstone),
    actions: all('actions', action),
    internal: all('internal-actions', action),
    lanes: all('lanes', lane),
    vms: all('vms', vm),
    boots: all('boots', boot),
    discrepancies: all('discrepancies', discrepancy),
    accounts: all('accounts', account),
    usage: under('usage', usage),
    names: under('names', z.unknown()),
    owners: under('owners', z.unknown()),
  };
}
