import { Refusal, notFound } from '@plumbline/domain';
import type { AccountId, Json, RegionSlug, VolumeId } from '@plumbline/domain';
import { optionalRegion, sizeGib } from '@plumbline/intents';
import { z } from 'zod';
import { parseBody } from '../http/body.js';

const NAME = /^[a-z][a-z0-9-]{0,63}$/;
const NAME_MUST =
  'failed to create volume: invalid volume name. name must be 1 to 64 lowercase letters, digits and hyphens, and begin with a letter';
const TAG = /^[A-Za-z0-9:_-]{1,255}$/;
const TAGS_MAX = 50;
const DESCRIPTION_MAX = 2000;
const LABEL_MAX: Readonly<Record<string, number>> = { ext4: 16, xfs: 12 };

/** Absent, null and empty are the same: some clients always send every field. */
function optionalText(must: string) {
  return z
    .string({ error: must })
    .nullish()
    .transform((text) => text ?? '');
}

export const createBody = z.object({
  name: z.string({ error: NAME_MUST }).regex(NAME, { error: NAME_MUST }),
  size_gigabytes: sizeGib,
  region: optionalRegion,
  description: optionalText('description must be a text').refine((text) => text.length <= DESCRIPTION_MAX, {
    error: `description must have at most ${DESCRIPTION_MAX} characters`,
  }),
  snapshot_id: optionalText('snapshot_id must be the id of a volume snapshot'),
  filesystem_type: optionalText('filesystem_type must be ext4 or xfs').refine(
    (type) => type === '' || type in LABEL_MAX,
    { error: 'filesystem_type must be ext4 or xfs' },
  ),
  filesystem_label: optionalText('filesystem_label must be a text'),
  tags: z
    .array(
      z
        .string({ error: 'tags must be texts' })
        .regex(TAG, { error: 'tags must be 1 to 255 letters, digits, colons, underscores and hyphens each' }),
      { error: 'tags must be a list of texts' },
    )
    .max(TAGS_MAX, { error: `tags must be at most ${TAGS_MAX}` })
    .nullish()
    .transform((tags) => [...new Set(tags ?? [])]),
});

/** What a customer asked for, in our words; the same wish always reads the same, so that its hash does. */
export interface CreateWish {
  readonly name: string;
  readonly description: string;
  readonly sizeGib: number;
  readonly region: RegionSlug;
  readonly tags: readonly string[];
}

/** @throws Refusal naming the field. */
export function parseCreate(body: unknown): CreateWish {
  const given = parseBody(createBody, body);
  refuseBadLabel(given.filesystem_type, given.filesystem_label);
  if (given.filesystem_type !== '')
    throw unprocessable(
      'filesystem_type',
      'filesystem_type must be empty: volumes are handed over unformatted',
    );
  if (given.snapshot_id !== '') throw notFound();
  if (given.region === null) throw unprocessable('region', 'region must be the slug of a region');
  return {
    name: given.name,
    description: given.description,
    sizeGib: given.size_gigabytes,
    region: given.region,
    tags: given.tags,
  };
}

/** The parameters of the intent, for a volume id minted for it. */
export function createParams(wish: CreateWish, of: { volumeId: VolumeId; account: AccountId }): Json {
  return { ...of, ...wish };
}

function refuseBadLabel(type: string, label: string): void {
  if (label === '') return;
  const max = LABEL_MAX[type];
  if (max === undefined)
    throw unprocessable('filesystem_label', 'filesystem_label must come with a filesystem_type');
  if (label.length > max)
    throw unprocessable(
      'filesystem_label',
      `filesystem_label must have at most ${max} characters for ${type}`,
    );
}

const typeBody = z.object({
  type: z.string({ error: 'type must be the type of an action' }),
});

/** The action that a body asks for. */
export function parseType(body: unknown): string {
  return parseBody(typeBody, body).type;
}

const namedBody = z.object({
  volume_name: z.string({ error: 'volume_name must be the name of a volume' }).min(1, {
    error: 'volume_name must be the name of a volume',
  }),
  region: z
    .string({ error: 'region must be the slug of the region of the volume' })
    .min(1, { error: 'region must be the slug of the region of the volume' })
    .transform((slug) => slug as RegionSlug),
});

/** The volume that a body names instead of a path. */
export function parseVolumeNamed(body: unknown): { volume_name: string; region: RegionSlug } {
  return parseBody(namedBody, body);
}

function unprocessable(field: string, message: string): Refusal {
  return new Refusal('unprocessable_entity', message, { field });
}
