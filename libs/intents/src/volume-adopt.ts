import { defineIntent, volume, volumeResource } from '@plumbline/domain';
import type { AccountId, RegionSlug } from '@plumbline/domain';
import { foreignWatch, image } from '@plumbline/ceph-facets';
import { subscription } from '@plumbline/billing-facets';
import { z } from 'zod';
import { regionSlug, sizeGib, volumeId, EXAMPLE_VOLUME } from './fields.js';
import { refuseUnknownRegion } from './refusals.js';

const params = z.object({
  volumeId,
  account: z.uuid().transform((id) => id as AccountId),
  name: z.string(),
  description: z.string(),
  sizeGib,
  region: regionSlug,
  tags: z.array(z.string()),
  image: z.string(),
  imageId: z.string(),
});

/**
 * Makes an image that somebody made by hand a volume. The image's name is the mark of ownership, so it is given the volume's;
 * undone, it has its old name again, and is never taken away. What it is told by is its internal id, as it was seen when the
 * operator asked: another that is put under the old name meanwhile is not touched.
 */
export const volumeAdopt = defineIntent<z.infer<typeof params>>({
  kind: 'volume-adopt',
  action: 'adopt_volume',
  on: 'absent',
  internal: true,
  operators: true,
  params,
  example: {
    volumeId: EXAMPLE_VOLUME,
    account: '5d2f0a1c-3b4e-4f60-8a7b-9c0d1e2f3a4b' as AccountId,
    name: 'data',
    description: '',
    sizeGib: 2,
    region: 'nyc1' as RegionSlug,
    tags: [],
    image: 'made-by-hand',
    imageId: 'image-by-hand',
  },
  resource: (p) => volumeResource(p.volumeId),
  refuse: (p, { regions }) => refuseUnknownRegion(p.region, regions),
  plan: ({ volumeId: id, image: adoptedFrom, imageId, sizeGib: size, ...p }) => ({
    prepare: [
      foreignWatch(p.region, adoptedFrom).requires({ watchers: 0 }),
      image(p.region, id).is({ adoptedFrom, imageId, sizeGib: size }),
    ],
    commit: volume(id).is(({ at }) => ({
      id,
      account: p.account,
      name: p.name,
      description: p.description,
      region: p.region,
      sizeGib: size,
      filesystemType: '',
      filesystemLabel: '',
      tags: p.tags,
      createdAt: at,
      imageId,
      attachment: null,
      pins: [],
    })),
    owes: [subscription.is({ sizeGib: size })],
  }),
});
