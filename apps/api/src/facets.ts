import * as billing from '@plumbline/billing-facets';
import * as ceph from '@plumbline/ceph-facets';
import { facetsIn } from '@plumbline/domain';
import type { AnyFacet } from '@plumbline/domain';
import * as qemu from '@plumbline/qemu-facets';
import * as registry from '@plumbline/registry-facets';

/** What is asked of each source about a volume, in the order in which it is shown; and what the registry's keys say of one another. */
export const FACETS: readonly AnyFacet[] = [ceph, qemu, billing, registry].flatMap(facetsIn);
