import {
  Refusal,
  lookQueueOf,
  notFound,
  parseVolumeId,
  volumeIdOfImage,
  volumeResource,
} from '@plumbline/domain';
import type {
  AnyIntentDefinition,
  FacetName,
  Instant,
  Journal,
  Json,
  Region,
  RegionSlug,
  VolumeId,
  VolumeRecord,
} from '@plumbline/domain';
import { GIB, cephImage, cephWatch, foreignImageKeyOf, imageKeyOf } from '@plumbline/ceph-facets';
import type { ImageSeen, WatchSeen } from '@plumbline/ceph-facets';
import { SIZE_GIB_MAX, volumeAdopt, volumeAdoptSize, volumeRelease } from '@plumbline/intents';
import type { Log } from '@plumbline/platform';
import type { Looks } from '@plumbline/queue';
import type { Accounts, Volumes } from '@plumbline/registry';
import type { Ended, Intake } from '../intake.js';
import type { AdoptWish } from './adoption-bodies.js';

/** How long Ceph may take to say what it sees. */
const LOOK_MS = 5_000;

interface AdoptionDeskOptions {
  readonly intake: Pick<Intake, 'recordAndWait'>;
  readonly journal: Pick<Journal, 'read'>;
  readonly looks: Pick<Looks, 'ask'>;
  readonly accounts: Pick<Accounts, 'list' | 'read'>;
  readonly volumes: Pick<Volumes, 'list'>;
  readonly regions: readonly Region[];
  readonly newId: () => string;
  readonly log: Log;
}

/** What became of what an operator asked for. */
export interface Outcome {
  readonly volume: VolumeId;
  readonly intent: string;
  readonly image: string;
  readonly sizeGib: number;
  readonly endedAt: Instant | null;
}

interface By {
  readonly requestId: string;
  readonly by: string;
  readonly reason: string;
}

/**
 * Where operators have images that somebody made, grew or wants back change hands. What is recorded is what Ceph showed when
 * it was asked for: the workers hold it against what they find, and do nothing where that is another image.
 */
export class AdoptionDesk {
  constructor(private readonly by: AdoptionDeskOptions) {}

  /** @throws Refusal */
  async adopt(wish: AdoptWish, by: By): Promise<Outcome> {
    const { account, description, image, name, region, tags } = wish;
    this.refuseUnknownRegion(region);
    const { value, guard } = await this.by.accounts.read(account);
    if (value === null) throw unprocessable('account', 'account must be the id of an account');
    const { imageId, sizeBytes } = await this.adoptable(region, image);
    const sizeGib = wholeGib(sizeBytes, image);
    const volumeId = this.by.newId() as VolumeId;
    const params = { volumeId, account, name, description, sizeGib, region, tags, image, imageId };
    return await this.carryOut(volumeAdopt, params, { ...value, guards: [guard] }, by, { image, sizeGib });
  }

  /** @throws Refusal */
  async release(id: string, as: string | undefined, by: By): Promise<Outcome> {
    const { account, record } = await this.volume(id);
    const image = as ?? `released-${record.id}`;
    const [taken] = await this.look(record.region, [
      { facet: cephImage.name, key: foreignImageKeyOf(record.region, image) },
    ]);
    if (taken !== null) throw conflict(`The pool has an image ${image} already.`, 'image');
    const { sizeGib } = record;
    return await this.carryOut(volumeRelease, { volumeId: record.id, image }, account, by, {
      image,
      sizeGib,
    });
  }

  /** @throws Refusal */
  async adoptSize(id: string, by: By): Promise<Outcome> {
    const { account, record } = await this.volume(id);
    const key = imageKeyOf(record.region, record.id);
    const [seen = null] = await this.look(record.region, [{ facet: cephImage.name, key }]);
    const image = seen as ImageSeen | null;
    if (image?.state !== 'open' || image.imageId !== record.imageId)
      throw conflict('The volume’s image is not there: see its discrepancies.');
    const sizeGib = wholeGib(image.sizeBytes, key);
    const params = { volumeId: record.id, sizeGib };
    return await this.carryOut(volumeAdoptSize, params, account, by, { image: key, sizeGib });
  }

  private async carryOut(
    definition: AnyIntentDefinition,
    params: Json,
    account: Parameters<Intake['recordAndWait']>[0]['account'],
    { by, reason, requestId }: By,
    shown: Pick<Outcome, 'image' | 'sizeGib'>,
  ): Promise<Outcome> {
    const { volumeId: volume } = params as { volumeId: VolumeId };
    const { kind } = definition;
    const ended = await this.by.intake.recordAndWait({ definition, params, account, requestId });
    const { action } = ended;
    this.by.log.warn(
      { intentId: action.intent, resource: action.resource, kind, by, reason, status: action.status },
      'operator had an image change hands',
    );
    if (action.status === 'errored') throw conflict(whyNot(ended));
    return { volume, intent: action.intent, ...shown, endedAt: action.completedAt };
  }

  /** An image that is nobody's, and that nobody has open. @throws Refusal */
  private async adoptable(region: RegionSlug, image: string): Promise<ImageSeen> {
    const key = foreignImageKeyOf(region, image);
    const places = [cephImage, cephWatch].map(({ name }) => ({ facet: name, key }));
    const [seen, watched] = (await this.look(region, places)) as [ImageSeen | null, WatchSeen | null];
    if (seen?.state !== 'open')
      throw unprocessable('image', `image must be one that opens: there is no such image ${key}`);
    await this.refuseOurs(region, image, seen);
    const [client] = watched?.addresses ?? [];
    if (client !== undefined) throw conflict(`The image is in use by ${client}.`, 'image');
    return seen;
  }

  /** By its internal id, whatever its name is: somebody may have renamed a volume’s. */
  private async refuseOurs(region: RegionSlug, image: string, { imageId }: ImageSeen): Promise<void> {
    const named = volumeIdOfImage(image);
    if (named !== null) {
      const { lane, tombstone } = await this.by.journal.read(volumeResource(named));
      if (lane !== null || tombstone?.imageId === '' || tombstone?.imageId === imageId)
        throw conflict(`The image is, or was, that of volume ${named}.`, 'image');
    }
    for (const { id } of await this.by.accounts.list()) {
      const volumes = await this.by.volumes.list(id);
      const volume = volumes.find((one) => one.region === region && one.imageId === imageId);
      if (volume !== undefined) throw conflict(`The image is that of volume ${volume.id}.`, 'image');
    }
  }

  /** @throws Refusal where nobody answers: what is not known is not decided */
  private async look(
    region: RegionSlug,
    places: readonly { facet: FacetName; key: string }[],
  ): Promise<readonly Json[]> {
    this.refuseUnknownRegion(region);
    const answers = await this.by.looks.ask(lookQueueOf('ceph'), places, LOOK_MS);
    return answers.map((answer) => {
      if ('unknown' in answer)
        throw new Refusal('service_unavailable', `Ceph could not be asked: ${answer.unknown}.`, {
          reason: 'unavailable',
          retryAfterMs: LOOK_MS,
        });
      return answer.seen;
    });
  }

  private async volume(id: string) {
    const volume = parseVolumeId(id);
    const { record } = volume === null ? NONE : await this.by.journal.read(volumeResource(volume));
    if (record === null) throw notFound();
    const { value, guard } = await this.by.accounts.read(record.account);
    if (value === null) throw notFound();
    return { record, account: { ...value, guards: [guard] } };
  }

  private refuseUnknownRegion(region: RegionSlug): void {
    const slugs = this.by.regions.map(({ slug }) => slug);
    if (!slugs.includes(region)) throw unprocessable('region', `region must be one of ${slugs.join(', ')}`);
  }
}

const NONE: { readonly record: VolumeRecord | null } = { record: null };

/** A record never says more than its image has, so what is over a whole GiB is not counted. */
function wholeGib(bytes: number, image: string): number {
  const gib = Math.floor(bytes / GIB);
  if (gib >= 1 && gib <= SIZE_GIB_MAX) return gib;
  throw unprocessable('image', `image must have 1 to ${SIZE_GIB_MAX} GiB: ${image} has ${bytes} bytes`);
}

function whyNot({ action: { intent, message } }: Ended): string {
  return `Intent ${intent} was undone: ${message ?? 'it was refused'}.`;
}

function unprocessable(field: string, message: string): Refusal {
  return new Refusal('unprocessable_entity', message, { field });
}

function conflict(message: string, field?: string): Refusal {
  return new Refusal('conflict', message, field === undefined ? {} : { field });
}
