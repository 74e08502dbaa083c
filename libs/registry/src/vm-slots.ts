import { Refusal } from '@plumbline/domain';
import type { VmRecord, VolumeId } from '@plumbline/domain';

/** A VM holds at most this many volumes; the wire contract promises it. */
const VM_SLOTS_MAX = 15;

/** A VM's record with that slot taken or freed. @throws Refusal when there is no such VM, or no room in it */
export function slottedVm(
  value: string | null,
  id: VolumeId,
  slot: 'reserved' | 'attached' | 'free',
): string | null {
  if (value === null) {
    if (slot === 'free') return null;
    throw new Refusal('not_found', 'The resource you requested could not be found.', { field: 'droplet_id' });
  }
  const vm = JSON.parse(value) as VmRecord;
  const { [id]: mine, ...others } = vm.slots;
  if (slot === 'free') return JSON.stringify({ ...vm, slots: others });
  if (mine === undefined && Object.keys(others).length >= VM_SLOTS_MAX)
    throw new Refusal('unprocessable_entity', 'cannot attach more volumes to the Droplet', {
      field: 'droplet_id',
    });
  return JSON.stringify({ ...vm, slots: { ...others, [id]: slot } });
}
