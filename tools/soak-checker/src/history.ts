/**
 * What a soak writes down, one JSON object a line: every request with the instants between which it was under way and what
 * was answered, every fault, every reading of the sources. Instants are milliseconds of one monotonic clock that began as
 * the wall clock of the soak's process, so they can be compared with one another whatever the wall clock does.
 */
import { z } from 'zod';

const instant = z.number();

const runLine = z.object({
  line: z.literal('run'),
  format: z.literal(1),
  seed: z.number(),
  minutes: z.number(),
  rate: z.number(),
  faults: z.array(z.string()),
  at: instant,
  accounts: z.array(z.object({ id: z.string(), name: z.string() })),
  vms: z.array(z.object({ n: z.number(), account: z.string() })),
  /** Names of the product's processes: at rest each has one boot. */
  processes: z.array(z.string()),
});

/** How a request ended for its client. `refused`: no connection could be made, so nothing was sent. */
const requestEnds = ['answered', 'refused', 'broken', 'gave-up'] as const;

const requestLine = z.object({
  line: z.literal('request'),
  n: z.number().int(),
  client: z.string(),
  /** Whose token it carried; null: none, or one that nobody has. */
  account: z.string().nullable(),
  method: z.string(),
  path: z.string(),
  body: z.unknown().optional(),
  key: z.string().optional(),
  async: z.boolean().optional(),
  from: instant,
  to: instant,
  end: z.enum(requestEnds),
  status: z.number().int().optional(),
  answer: z.unknown().optional(),
});
export type RequestLine = z.infer<typeof requestLine>;

const faultLine = z.object({
  line: z.literal('fault'),
  id: z.number().int(),
  kind: z.string(),
  target: z.string(),
  what: z.enum(['begin', 'end', 'failed']),
  at: instant,
  note: z.string().optional(),
});
export type FaultLine = z.infer<typeof faultLine>;

const disk = z.object({
  vm: z.number(),
  /** Everything that QEMU says of what is behind the disk; the image's name is somewhere in it. */
  file: z.string(),
  sizeGib: z.number(),
  isPlugged: z.boolean(),
});

/** One look at a VM's disks, while all goes on. */
const lookLine = z.object({
  line: z.literal('look'),
  vm: z.number(),
  from: instant,
  to: instant,
  disks: z.array(disk),
});
export type LookLine = z.infer<typeof lookLine>;

/** All sources at rest. The registry is given as what has changed since the reading before. */
const readingLine = z.object({
  line: z.literal('reading'),
  round: z.number().int(),
  /** When the last fault was taken back and the last request had ended. */
  restedAt: instant,
  /** How long it took until all agreed. */
  agreedMs: z.number(),
  from: instant,
  to: instant,
  registry: z.object({ changed: z.record(z.string(), z.unknown()), gone: z.array(z.string()) }),
  images: z.array(
    z.object({
      pool: z.string(),
      name: z.string(),
      opened: z.object({ id: z.string(), sizeGib: z.number() }).nullable(),
    }),
  ),
  trash: z.array(z.object({ pool: z.string(), name: z.string() })),
  disks: z.array(disk),
  guests: z.array(z.object({ vm: z.number(), name: z.string(), sizeGib: z.number(), identity: z.string() })),
  /** VMs whose guests did not answer. */
  silent: z.array(z.number()),
  subscriptions: z.array(z.object({ volume: z.string(), account: z.string(), sizeGib: z.number() })),
});
export type ReadingLine = z.infer<typeof readingLine>;

const endLine = z.object({
  line: z.literal('end'),
  at: instant,
  how: z.enum(['done', 'failed', 'interrupted']),
  why: z.string().optional(),
});

export const historyLine = z.discriminatedUnion('line', [
  runLine,
  requestLine,
  faultLine,
  lookLine,
  readingLine,
  endLine,
]);
export type HistoryLine = z.infer<typeof historyLine>;
