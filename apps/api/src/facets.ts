import { billingSubscription } from '@plumbline/billing-facets';
import { cephImage } from '@plumbline/ceph-facets';
import type { AnyFacet } from '@plumbline/domain';
import { qemuDevice, qemuNode } from '@plumbline/qemu-facets';

/** What is asked of each source about a volume, in the order in which it is shown. */
export const FACETS: readonly AnyFacet[] = [cephImage, qemuNode, qemuDevice, billingSubscription];
