import { billingSubscription } from '@plumbline/billing-facets';
import { cephImage, cephTrash } from '@plumbline/ceph-facets';
import type { AnyFacet } from '@plumbline/domain';
import { qemuDevice, qemuNode } from '@plumbline/qemu-facets';
import {
  registryAction,
  registryLane,
  registryName,
  registryOwner,
  registrySlot,
  registryTombstone,
  registryUsage,
} from '@plumbline/registry-facets';

/** What is asked of each source about a volume, in the order in which it is shown; and what the registry's keys say of one another. */
export const FACETS: readonly AnyFacet[] = [
  cephImage,
  cephTrash,
  qemuNode,
  qemuDevice,
  billingSubscription,
  registryName,
  registryOwner,
  registrySlot,
  registryTombstone,
  registryLane,
  registryUsage,
  registryAction,
];
