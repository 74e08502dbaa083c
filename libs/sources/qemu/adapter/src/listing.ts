import type { AnyFacet, Facet, Json, Place } from '@plumbline/domain';
import type { Vm } from './vm.js';
import type { Vms } from './vms.js';
import { VmDead } from './errors.js';

interface Thing {
  readonly name: string;
  readonly seen: Json;
}

/**
 * Things of all VMs of the host, in the order of their volumes' ids, strangers' last. Every VM is asked before the first
 * thing is told: a listing without the disks of a VM that cannot be asked would read as if they were gone. Of a VM that is
 * not running they are.
 */
export async function* listingOf(
  vms: Vms,
  facet: Pick<Facet, 'volumeOf'> | Pick<AnyFacet, 'volumeOf'>,
  signal: AbortSignal,
  thingsOf: (vm: Vm) => Promise<readonly Thing[]>,
): AsyncGenerator<Place & { readonly seen: Json }> {
  const things: (Place & { readonly seen: Json; readonly order: string })[] = [];
  for (const { id, vm } of await vms.all(signal)) {
    for (const { name, seen } of await vms.open.run(
      { key: `${id}/`, what: 'list the disks of a VM', signal },
      () => thingsOf(vm).catch(noneIfDead),
    )) {
      const key = `${id}/${name}`;
      things.push({ host: vms.host, key, seen, order: facet.volumeOf(key) ?? `${STRANGER}${key}` });
    }
  }
  things.sort((one, other) => (one.order < other.order ? -1 : 1));
  for (const { order: _order, ...thing } of things) yield thing;
}

function noneIfDead(error: unknown): readonly Thing[] {
  if (error instanceof VmDead) return [];
  throw error;
}

/** Sorts after every id. */
const STRANGER = '~';
