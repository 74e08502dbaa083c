import { heldSlotKey, isUuid, parseHeldSlot, sorted } from '@plumbline/domain';
import type { AnyFacet, Source, VmId, VmRecord, VolumeId } from '@plumbline/domain';
import { AFTER_ALL, paced } from './parts.js';
import type { ByRegistry } from './parts.js';

type Slot = VmRecord['slots'][VolumeId];

interface Held {
  readonly vm: VmId;
  readonly volume: string;
  readonly slot: Slot;
}

/** The slots of all VMs. */
export function slotSource(by: ByRegistry, facet: AnyFacet): Source {
  return {
    facet,
    async observe({ key }) {
      const { vm, volume } = parseHeldSlot(key);
      const [entry] = await by.kv.read([by.layout.vm(vm)]);
      const slot = entry && slotsOf(entry.value)[volume];
      return slot ? { slot } : null;
    },
    async *list(_signal, _unasked, turn) {
      const order = ({ vm, volume }: Held): string => `${isUuid(volume) ? '' : AFTER_ALL}${volume} ${vm}`;
      for await (const { slot, vm, volume } of sorted(() => heldSlots(paced(by, turn)), order))
        yield { key: heldSlotKey(vm, volume), seen: { slot } };
    },
  };
}

async function* heldSlots({ kv, layout }: ByRegistry): AsyncGenerator<Held> {
  const [entries = []] = await kv.readTrees([layout.vms]);
  for (const { value } of entries) {
    const { id: vm } = JSON.parse(value) as VmRecord;
    for (const [volume, slot] of Object.entries(slotsOf(value))) yield { vm, volume, slot };
  }
}

/** By whatever stands there as a volume's id. */
function slotsOf(value: string): Readonly<Record<string, Slot>> {
  return (JSON.parse(value) as VmRecord).slots;
}
