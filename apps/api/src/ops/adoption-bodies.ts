import { volumeIdOfImage } from '@plumbline/domain';
import type { AccountId, RegionSlug } from '@plumbline/domain';
import { z } from 'zod';
import { createBody } from '../v2/bodies.js';
import { interventionBody } from './bodies.js';

const IMAGE_NAME_MAX = 96;
/** Of a snapshot, a pool or a namespace `rbd` itself speaks with these letters. */
const IMAGE_NAME = /^[^/@\s]+$/;

function imageName(must: string) {
  return z.string({ error: must }).max(IMAGE_NAME_MAX, { error: must }).regex(IMAGE_NAME, { error: must });
}

const { description, name, tags } = createBody.shape;

export const adoptBody = interventionBody.extend({
  account: z.uuid({ error: 'account must be the id of an account' }).transform((id) => id as AccountId),
  region: z.string({ error: 'region must be the slug of a region' }).transform((slug) => slug as RegionSlug),
  image: imageName(
    `image must be the name of an image in the pool of the region, of at most ${IMAGE_NAME_MAX} characters`,
  ),
  name,
  description,
  tags,
});
export type AdoptWish = z.infer<typeof adoptBody>;

const FREE_NAME = `image must be a name that is none of ours, of at most ${IMAGE_NAME_MAX} characters without / and @`;

export const releaseBody = interventionBody.extend({
  image: imageName(FREE_NAME)
    .refine((given) => volumeIdOfImage(given) === null, { error: FREE_NAME })
    .optional(),
});
