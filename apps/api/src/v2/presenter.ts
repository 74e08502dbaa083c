import type {
  AccountRecord,
  ActionRecord,
  Instant,
  Region,
  RegionSlug,
  VmRecord,
  VolumeRecord,
} from '@plumbline/domain';
import type { AccountShape, ActionShape, DropletShape, RegionShape, VolumeShape } from './shapes.js';

/** What is not kept of a VM, in values that clients can read: nobody sizes or bills VMs here. */
const SIZE_SLUG = 'unmanaged';
/** The least that the contract's description allows. */
const MEMORY_MIB = 8;
const NO_IMAGE_ID = 0;

/** Records as the contract's clients read them. Pure: what a customer sees depends on the record and the regions alone. */
export class Presenter {
  private readonly shapes: ReadonlyMap<RegionSlug, RegionShape>;

  constructor(regions: readonly Region[]) {
    this.shapes = new Map(regions.map((region) => [region.slug, regionOf(region)]));
  }

  regions(): readonly RegionShape[] {
    return [...this.shapes.values()];
  }

  volume(record: VolumeRecord): VolumeShape {
    return {
      id: record.id,
      region: this.region(record.region),
      droplet_ids: record.attachment === null ? [] : [record.attachment.vm],
      name: record.name,
      description: record.description,
      size_gigabytes: record.sizeGib,
      created_at: timeOf(record.createdAt),
      filesystem_type: record.filesystemType,
      filesystem_label: record.filesystemLabel,
      tags: [...record.tags],
    };
  }

  action(record: ActionRecord): ActionShape {
    return {
      id: record.n,
      status: record.status,
      type: record.type,
      started_at: timeOf(record.startedAt),
      completed_at: record.completedAt === null ? null : timeOf(record.completedAt),
      resource_id: null,
      resource_type: 'volume',
      region: this.region(record.region),
      region_slug: record.region,
    };
  }

  droplet(record: VmRecord): DropletShape {
    const created_at = timeOf(record.createdAt);
    const attached = Object.entries(record.slots).filter(([, slot]) => slot === 'attached');
    return {
      id: record.id,
      name: record.name,
      memory: MEMORY_MIB,
      vcpus: 0,
      disk: 0,
      locked: false,
      status: 'active',
      kernel: null,
      created_at,
      features: [],
      backup_ids: [],
      snapshot_ids: [],
      next_backup_window: null,
      image: imageOf(record, created_at),
      volume_ids: attached.map(([id]) => id),
      size: sizeOf(record),
      size_slug: SIZE_SLUG,
      networks: { v4: [], v6: [] },
      region: this.region(record.region),
      tags: [],
      vpc_uuid: '',
    };
  }

  account(record: AccountRecord): AccountShape {
    return {
      droplet_limit: 0,
      floating_ip_limit: 0,
      volume_limit: record.limits.volumes,
      email: record.email,
      name: record.name,
      uuid: record.id,
      email_verified: true,
      status: 'active',
      status_message: '',
      team: { uuid: record.id, name: record.name },
    };
  }

  /** A region that is served no longer still has volumes, and clients dereference it. */
  private region(slug: RegionSlug): RegionShape {
    return this.shapes.get(slug) ?? { name: slug, slug, sizes: [], features: [], available: false };
  }
}

function regionOf({ name, slug }: Region): RegionShape {
  return { name, slug, sizes: [], features: ['storage'], available: true };
}

function imageOf({ region }: VmRecord, created_at: string): DropletShape['image'] {
  return {
    id: NO_IMAGE_ID,
    name: SIZE_SLUG,
    type: 'custom',
    distribution: 'Unknown',
    slug: null,
    public: false,
    regions: [region],
    created_at,
    min_disk_size: 0,
    size_gigabytes: 0,
    tags: [],
    status: 'available',
  };
}

function sizeOf({ region }: VmRecord): DropletShape['size'] {
  return {
    slug: SIZE_SLUG,
    memory: MEMORY_MIB,
    vcpus: 0,
    disk: 0,
    transfer: 0,
    price_monthly: 0,
    price_hourly: 0,
    regions: [region],
    available: true,
    description: '',
  };
}

function timeOf(instant: Instant): string {
  return new Date(instant).toISOString();
}
