import type { LaneEntry, Step } from '@plumbline/domain';

/**
 * The RADOS client that a guest writes through by a step's thing. Null: none was noted, and since its address is noted
 * before the guest gets the disk, no guest could ever write.
 */
export function clientOf(entry: LaneEntry, { client }: Step): string | null {
  if (client === undefined) return null;
  const address = 'address' in client ? client.address : addressSeenBy(entry, client.seenBy);
  return address === '' ? null : address;
}

function addressSeenBy({ ledger, plan }: LaneEntry, facet: string): string {
  const line = ledger.findLast(
    ({ stage, step, what }) => stage === 'prepare' && what === 'done' && plan?.prepare[step]?.facet === facet,
  );
  const { addresses } = (line?.seen ?? {}) as { addresses?: readonly string[] };
  return addresses?.[0] ?? '';
}
