import { defineFacet, fact, imageNameOf, poolOf } from '@plumbline/domain';
import { z } from 'zod';
import { diskFactAt, diskPlaceOf, parseDiskKey, volumeOfDiskKey } from './keys.js';
import { diskRemedies } from './remedies.js';
import type { DiskOfClient } from './keys.js';

const GIB = 1024 ** 3;

const nodeWant = z.union([
  z.object({ pool: z.string(), image: z.string(), sizeGib: z.number().int().positive() }),
  /** Shows at least that size where it is; a VM that has lost the node sees the size when it is attached again. */
  z.object({ grownToGib: z.number().int().positive() }),
]);
export type NodeWant = z.infer<typeof nodeWant>;

const nodeSeen = z.object({
  pool: z.string(),
  image: z.string(),
  sizeBytes: z.number(),
  /** There, without a device, and nothing but its name can be told: its own client, or another in that VM, is fenced. */
  unreadable: z.literal(true).exactOptional(),
});
export type NodeSeen = z.infer<typeof nodeSeen>;

/** A block node: the RBD image opened by a VM, with a RADOS client of its own. */
export const qemuNode = defineFacet<NodeWant, NodeSeen>({
  name: 'qemu.node',
  source: 'qemu',
  want: nodeWant,
  seen: nodeSeen,
  holds(want, seen) {
    if (want === null) return seen === null;
    if ('grownToGib' in want) return seen === null || seen.sizeBytes >= want.grownToGib * GIB;
    return (
      seen !== null &&
      seen.pool === want.pool &&
      seen.image === want.image &&
      seen.sizeBytes >= want.sizeGib * GIB
    );
  },
  expected: ({ attachment, id, region, sizeGib }) =>
    attachment === null
      ? []
      : [
          {
            ...diskPlaceOf({ ...attachment, volume: id }),
            want: { pool: poolOf(region), image: imageNameOf(id), sizeGib },
          },
        ],
  volumeOf: volumeOfDiskKey,
  causeOf: ({ key, host }) => `${host ?? ''} ${parseDiskKey(key).vm}`,
  parks: (want, seen) =>
    want !== null && 'pool' in want && seen !== null && seen.unreadable !== true && !isSameImage(want, seen)
      ? 'stranger'
      : null,
  remedies: [
    {
      name: 'node-small',
      class: 'different',
      when: ({ want, seen }) => isSameImage(want as NodeWant, seen as NodeSeen),
      does: 'repair',
      files: { kind: 'repair-disk-size', params: ({ volume }) => ({ volumeId: volume }) },
      why: 'the guest sees an older size: it is told of the one that the record has',
    },
    ...diskRemedies('node'),
  ],
});

function isSameImage(want: NodeWant, seen: NodeSeen): boolean {
  return seen.unreadable !== true && 'pool' in want && seen.pool === want.pool && seen.image === want.image;
}

/** A volume's block node in a VM, about which a plan states facts. */
export function node(at: DiskOfClient) {
  return fact(qemuNode, diskFactAt(at));
}
