import type { HostName, RegionSlug } from '@plumbline/domain';

export const REGION = 'nyc1' as RegionSlug;
export const HOST = 'host-a' as HostName;
