import { Refusal, notFound, parseVolumeId } from '@plumbline/domain';
import type { AccountId, Region, RegionSlug, VolumeId, VolumeRecord } from '@plumbline/domain';
import type { Volumes } from '@plumbline/registry';

export interface VolumeFilter {
  readonly name: string | null;
  readonly region: RegionSlug | null;
}

/** Finds volumes as customers name them. What is foreign, unknown or no id at all is not there, all the same. */
export class VolumeFinder {
  constructor(
    private readonly volumes: Volumes,
    private readonly regions: readonly Region[],
  ) {}

  /** @throws Refusal `not_found` */
  async one(account: AccountId, id: string): Promise<VolumeRecord> {
    const record = await this.volumes.find(account, idOf(id));
    if (record === null) throw notFound();
    return record;
  }

  /** A name finds its volume by key, however many volumes there are. */
  async matching(account: AccountId, { name, region }: VolumeFilter): Promise<readonly VolumeRecord[]> {
    if (name === null) {
      const all = await this.volumes.list(account);
      return region === null ? all : all.filter((record) => record.region === region);
    }
    const regions = region === null ? this.regions.map(({ slug }) => slug) : [region];
    const found = await Promise.all(regions.map((slug) => this.named(account, { name, region: slug })));
    return found.filter((record) => record !== null);
  }

  /** Also of a volume that is still being made. @throws Refusal `not_found` */
  async idNamed(account: AccountId, of: { name: string; region: RegionSlug }): Promise<VolumeId> {
    const id = await this.volumes.idByName({ account, ...of });
    if (id === null) throw notFound();
    return id;
  }

  private async named(
    account: AccountId,
    of: { name: string; region: RegionSlug },
  ): Promise<VolumeRecord | null> {
    const id = await this.volumes.idByName({ account, ...of });
    return id === null ? null : await this.volumes.find(account, id);
  }
}

/** @throws Refusal `not_found` */
export function idOf(text: string): VolumeId {
  const id = parseVolumeId(text);
  if (id === null) throw notFound();
  return id;
}

/** Both are needed: nothing is ever deleted on a name alone. @throws Refusal naming the parameter that is missing. */
export function bothOf({ name, region }: VolumeFilter): { name: string; region: RegionSlug } {
  if (name !== null && region !== null) return { name, region };
  const field = name === null ? 'name' : 'region';
  throw new Refusal('unprocessable_entity', `${field} must be given: a volume is named by name and region`, {
    field,
  });
}
