import type { AnyFacet, Facet, Json, Place, Unasked, VmId } from '@plumbline/domain';
import type { Vm } from './vm.js';
import type { Vms } from './vms.js';
import { VmDead } from './errors.js';

interface Thing {
  readonly name: string;
  readonly seen: Json;
}

interface Listing {
  readonly facet: Pick<Facet, 'volumeOf'> | Pick<AnyFacet, 'volumeOf'>;
  readonly signal: AbortSignal;
  readonly unasked: Unasked | undefined;
  readonly thingsOf: (vm: Vm) => Promise<readonly Thing[]>;
}

/** VMs asked at once: each has a monitor of its own, and one that does not answer holds up nobody but its own lot. */
const ASKED_AT_ONCE = 16;

/**
 * Things of all VMs of the host, in the order of their volumes' ids, strangers' last. Every VM is asked before the first
 * thing is told: a listing without the disks of a VM that cannot be asked would read as if they were gone, so it is told to
 * be left out. Of a VM that is not running they are gone.
 */
export async function* listingOf(
  vms: Vms,
  listing: Listing,
): AsyncGenerator<Place & { readonly seen: Json }> {
  const { facet, signal } = listing;
  const things: (Place & { readonly seen: Json; readonly order: string })[] = [];
  const all = await vms.all(signal);
  for (let from = 0; from < all.length; from += ASKED_AT_ONCE) {
    const some = all.slice(from, from + ASKED_AT_ONCE);
    for (const { found, id } of await Promise.all(some.map((one) => ask(vms, one, listing))))
      for (const { name, seen } of found) {
        const key = `${id}/${name}`;
        things.push({ host: vms.host, key, seen, order: facet.volumeOf(key) ?? `${STRANGER}${key}` });
      }
  }
  things.sort((one, other) => (one.order < other.order ? -1 : 1));
  for (const { order: _order, ...thing } of things) yield thing;
}

async function ask(
  vms: Vms,
  { id, vm }: { id: VmId; vm: Vm },
  { signal, thingsOf, unasked }: Listing,
): Promise<{ id: VmId; found: readonly Thing[] }> {
  const key = `${id}/`;
  const call = { key, what: 'list the disks of a VM', signal };
  try {
    return { id, found: await vms.open.run(call, () => thingsOf(vm).catch(noneIfDead)) };
  } catch (error) {
    if (unasked === undefined || signal.aborted) throw error;
    unasked({ host: vms.host, under: key });
    return { id, found: [] };
  }
}

function noneIfDead(error: unknown): readonly Thing[] {
  if (error instanceof VmDead) return [];
  throw error;
}

/** Sorts after every id. */
const STRANGER = '~';
