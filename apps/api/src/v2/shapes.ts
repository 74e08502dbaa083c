import { z } from 'zod';

/**
 * What `/v2` answers, as existing clients read it. Types of the presenters and the OpenAPI description both come from
 * here. Where a client would stumble, the shape says so.
 */
const time = z.iso.datetime();
/** Whole in answers, although requests name a region by its slug: clients dereference it. */
export const regionShape = z.object({
  name: z.string(),
  slug: z.string(),
  sizes: z.array(z.string()),
  features: z.array(z.string()),
  available: z.boolean(),
});

export const volumeShape = z.object({
  id: z.uuid(),
  region: regionShape,
  /** The one VM that has it, or none. */
  droplet_ids: z.array(z.number().int()),
  name: z.string(),
  description: z.string(),
  size_gigabytes: z.number().int(),
  created_at: time,
  filesystem_type: z.string(),
  filesystem_label: z.string(),
  tags: z.array(z.string()),
});

export const actionShape = z.object({
  id: z.number().int(),
  status: z.enum(['in-progress', 'completed', 'errored']),
  type: z.string(),
  started_at: time,
  /** Null until the end: clients decide by it. */
  completed_at: time.nullable(),
  /** Never the volume's id: clients decode an integer here. */
  resource_id: z.null(),
  resource_type: z.literal('volume'),
  region: regionShape,
  region_slug: z.string(),
});

const sizeShape = z.object({
  slug: z.string(),
  memory: z.number().int(),
  vcpus: z.number().int(),
  disk: z.number().int(),
  transfer: z.number(),
  price_monthly: z.number(),
  price_hourly: z.number(),
  regions: z.array(z.string()),
  available: z.boolean(),
  description: z.string(),
});

const imageShape = z.object({
  id: z.number().int(),
  name: z.string(),
  type: z.string(),
  distribution: z.string(),
  slug: z.string().nullable(),
  public: z.boolean(),
  regions: z.array(z.string()),
  created_at: time,
  min_disk_size: z.number().int(),
  size_gigabytes: z.number(),
  tags: z.array(z.string()),
  status: z.string(),
});

/** A VM. Clients need `region`, `image`, `size` and `networks` not to be null. */
export const dropletShape = z.object({
  id: z.number().int(),
  name: z.string(),
  memory: z.number().int(),
  vcpus: z.number().int(),
  disk: z.number().int(),
  locked: z.boolean(),
  status: z.enum(['new', 'active', 'off', 'archive']),
  kernel: z.null(),
  created_at: time,
  features: z.array(z.string()),
  backup_ids: z.array(z.number().int()),
  snapshot_ids: z.array(z.number().int()),
  next_backup_window: z.null(),
  image: imageShape,
  volume_ids: z.array(z.uuid()),
  size: sizeShape,
  size_slug: z.string(),
  networks: z.object({ v4: z.array(z.object({})), v6: z.array(z.object({})) }),
  region: regionShape,
  tags: z.array(z.string()),
  vpc_uuid: z.string(),
});

export const accountShape = z.object({
  droplet_limit: z.number().int(),
  floating_ip_limit: z.number().int(),
  volume_limit: z.number().int(),
  email: z.string(),
  name: z.string(),
  uuid: z.uuid(),
  email_verified: z.boolean(),
  status: z.enum(['active', 'warning', 'locked']),
  status_message: z.string(),
  team: z.object({ uuid: z.uuid(), name: z.string() }),
});

const linksShape = z.object({
  pages: z.object({ first: z.url(), prev: z.url(), next: z.url(), last: z.url() }).partial().optional(),
});
const metaShape = z.object({ total: z.number().int() });

export const errorShape = z.object({ id: z.string(), message: z.string(), request_id: z.uuid() });

/** One page of a list, under its plural key. */
export function listShape<Key extends string, Item extends z.ZodType>(key: Key, item: Item) {
  return z.object({ [key]: z.array(item), links: linksShape, meta: metaShape } as Record<
    Key,
    z.ZodArray<Item>
  > & { links: typeof linksShape; meta: typeof metaShape });
}

export type RegionShape = z.infer<typeof regionShape>;
export type VolumeShape = z.infer<typeof volumeShape>;
export type ActionShape = z.infer<typeof actionShape>;
export type DropletShape = z.infer<typeof dropletShape>;
export type AccountShape = z.infer<typeof accountShape>;

/** The answer to `Prefer: respond-async`: recorded, and not yet done. */
export const recordedShape = z.object({
  action: actionShape,
  links: z.object({
    actions: z.array(z.object({ id: z.number().int(), rel: z.string(), href: z.url() })),
    volume: z.object({ id: z.uuid(), href: z.url() }),
  }),
});

/** What an action asks for; each type has fields of its own, and unknown ones are ignored. */
export const actionRequestShape = z.object({
  type: z.string(),
  droplet_id: z.number().int().optional(),
  size_gigabytes: z.number().int().optional(),
  region: z.string().optional(),
  volume_name: z.string().optional(),
});
