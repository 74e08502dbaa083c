import { InvariantError } from '@plumbline/domain';
import type { Facet, HostName, Json, Place, VmId } from '@plumbline/domain';
import { parseDiskKey } from '@plumbline/qemu-facets';

/** Where a disk is: its VM, and the name of its node and device. */
export function diskAt(place: Place, host: HostName): { vm: VmId; name: string } {
  if (place.host !== undefined && place.host !== host) {
    throw new InvariantError(`asked for ${place.key} of another host`, { reason: 'wrong-host' });
  }
  return parseDiskKey(place.key);
}

/** A wanted state, checked: it comes out of a record or a lane. */
export function wantedOf<Want extends Json>(facet: Facet<Want>, want: Json): Want | null {
  if (want === null) return null;
  const { success, data, error } = facet.want.safeParse(want);
  if (success) return data;
  throw new InvariantError(`no wanted state of ${facet.name}`, { reason: 'want-form', cause: error });
}
