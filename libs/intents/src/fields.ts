import type { ActionNumber, RegionSlug, VmId, VolumeId } from '@plumbline/domain';
import { z } from 'zod';

/** Fields that several kinds share, with messages that name the field and say what would be right. */
export const SIZE_GIB_MAX = 16_384;

export const sizeGib = z
  .number({ error: `size_gigabytes must be a whole number from 1 to ${SIZE_GIB_MAX}` })
  .int({ error: `size_gigabytes must be a whole number from 1 to ${SIZE_GIB_MAX}` })
  .min(1, { error: `size_gigabytes must be at least 1` })
  .max(SIZE_GIB_MAX, { error: `size_gigabytes must be at most ${SIZE_GIB_MAX}` });

const VM_ID_MAX = 2 ** 31 - 1;

export const dropletId = z
  .number({ error: 'droplet_id must be the number of a Droplet' })
  .int({ error: 'droplet_id must be a whole number' })
  .min(1, { error: 'droplet_id must be positive' })
  .max(VM_ID_MAX, { error: `droplet_id must be at most ${VM_ID_MAX}` })
  .transform((id) => id as VmId);

/** A region in a body. Absent, null and empty are the same: godo sends every field. */
export const optionalRegion = z
  .string({ error: 'region must be the slug of a region' })
  .nullish()
  .transform((slug) => (slug ? (slug as RegionSlug) : null));

/** The volume that all examples are about, 2 GiB when it is made. */
export const EXAMPLE_VOLUME = '0f4d7a51-7f0e-4c8b-9a51-0d2b6a3c9e10' as VolumeId;

export const volumeId = z.uuid().transform((id) => id as VolumeId);
export const actionNumber = z.number().transform((n) => n as ActionNumber);
export const vmId = z.number().transform((id) => id as VmId);
export const regionSlug = z.string().transform((slug) => slug as RegionSlug);
