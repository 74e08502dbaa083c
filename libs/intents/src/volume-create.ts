import { defineIntent, volume, volumeResource } from '@plumbline/domain';
import type { AccountId, RegionSlug } from '@plumbline/domain';
import { cephImage, image } from '@plumbline/ceph-facets';
import type { ImageSeen } from '@plumbline/ceph-facets';
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
});

/** Creates an empty volume. It exists, and is billed from, the moment the registry says so. */
export const volumeCreate = defineIntent<z.infer<typeof params>>({
  kind: 'volume-create',
  action: 'create_volume',
  on: 'absent',
  params,
  example: {
    volumeId: EXAMPLE_VOLUME,
    account: '5d2f0a1c-3b4e-4f60-8a7b-9c0d1e2f3a4b' as AccountId,
    name: 'data',
    description: '',
    sizeGib: 2,
    region: 'nyc1' as RegionSlug,
    tags: [],
  },
  resource: (p) => volumeResource(p.volumeId),
  refuse: (p, { regions }) => refuseUnknownRegion(p.region, regions),
  plan: (p) => ({
    prepare: [image(p.region, p.volumeId).isMinted({ sizeGib: p.sizeGib })],
    commit: volume(p.volumeId).is(({ at, found }) => ({
      id: p.volumeId,
      account: p.account,
      name: p.name,
      description: p.description,
      region: p.region,
      sizeGib: p.sizeGib,
      filesystemType: '',
      filesystemLabel: '',
      tags: p.tags,
      createdAt: at,
      imageId: (found(cephImage.name) as ImageSeen | undefined)?.imageId ?? '',
      attachment: null,
      pins: [],
    })),
    owes: [subscription.is({ sizeGib: p.sizeGib })],
  }),
});
