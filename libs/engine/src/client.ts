import type { ClientRef, Json, LaneEntry, Step } from '@plumbline/domain';

/**
 * The RADOS client that a guest writes through by a step's thing. Null: none was noted, and since its address is noted
 * before the guest gets the disk, no guest could ever write.
 */
export function clientOf(entry: LaneEntry, { client }: Step): string | null {
  if (client === undefined) return null;
  const address = 'address' in client ? client.address : addressSeenBy(entry, client.seenBy);
  return address === '' ? null : address;
}

/** The look that would have noted the client of that step, had it been come to; null: there is none. */
export function lookForClient(entry: LaneEntry, index: number, client: ClientRef | undefined): Step | null {
  if (client === undefined || 'address' in client) return null;
  const isLook = ({ facet }: Step, at: number): boolean => at > index && facet === client.seenBy;
  return entry.plan?.prepare.find(isLook) ?? null;
}

/** Of several nobody can say which it is. */
export function onlyAddressIn(seen: Json): string | null {
  const [address, ...others] = addressesIn(seen);
  return others.length === 0 ? (address ?? null) : null;
}

function addressSeenBy({ ledger, plan }: LaneEntry, facet: string): string {
  const line = ledger.findLast(
    ({ stage, step, what }) => stage === 'prepare' && what === 'done' && plan?.prepare[step]?.facet === facet,
  );
  return addressesIn(line?.seen ?? null)[0] ?? '';
}

function addressesIn(seen: Json): readonly string[] {
  return ((seen ?? {}) as { addresses?: readonly string[] }).addresses ?? [];
}
