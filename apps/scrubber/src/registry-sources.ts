import type { Source } from '@plumbline/domain';
import {
  brokenLaneSource,
  nameSource,
  ownerSource,
  slotSource,
  stuckActionSource,
  tombstoneSource,
  usageSource,
} from '@plumbline/registry';
import type { AstrayRecords, Registry } from '@plumbline/registry';
import {
  registryAction,
  registryLane,
  registryName,
  registryOwner,
  registrySlot,
  registryTombstone,
  registryUsage,
} from '@plumbline/registry-facets';

/** The registry as a source of its own: what its keys say of one another. */
export function registrySources(registry: Registry, astray: AstrayRecords): readonly Source[] {
  return [
    nameSource(registry, registryName),
    ownerSource(registry, registryOwner, astray),
    slotSource(registry, registrySlot),
    tombstoneSource(registry, registryTombstone),
    brokenLaneSource(registry, registryLane),
    usageSource(registry, registryUsage),
    stuckActionSource({ ...registry, now: () => registry.boots.registryNow() }, registryAction),
  ];
}
