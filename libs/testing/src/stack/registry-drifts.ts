import { createHash, randomUUID } from 'node:crypto';
import type { ActionRecord, VmRecord } from '@plumbline/domain';
import type { ByHand, VmName } from './by-hand.js';
import { found } from './drift.js';
import type { Drift } from './drift.js';

const VM_DIGITS = 10;

/** What a person with `consul kv` changes of what only our own transactions may, as far as it is about one volume. */
export const registryDrifts: readonly Drift[] = [
  {
    name: 'unnamed',
    life: 'created',
    expected: [found('registry.name', 'missing', 'name-lost')],
    plant: async (hand, volume) => hand.put(await ownNameKey(hand, volume), null),
  },
  {
    name: 'named-twice',
    life: 'created',
    expected: [found('registry.name', 'unexpected', 'name-left')],
    plant: async (hand, volume) => hand.put(await strayNameKey(hand, volume), volume),
  },
  {
    name: 'still-named',
    life: 'deleted',
    expected: [found('registry.name', 'unexpected', 'name-left')],
    plant: async (hand, volume) => hand.put(await strayNameKey(hand, volume), volume),
  },
  {
    name: 'named-for-nobody',
    life: 'none',
    expected: [found('registry.name', 'unexpected', 'name-unknown', 'confirmed')],
    plant: async (hand, volume) => hand.put(await strayNameKey(hand, volume), volume),
    mend: async (hand, volume) => hand.put(await strayNameKey(hand, volume), null),
  },
  {
    name: 'ownerless',
    life: 'created',
    expected: [found('registry.owner', 'missing', 'owner-lost')],
    plant: (hand, volume) => hand.put(`owners/${volume}`, null),
  },
  {
    name: 'disowned',
    life: 'created',
    expected: [found('registry.owner', 'different', 'owner-another')],
    plant: (hand, volume) => hand.put(`owners/${volume}`, randomUUID()),
  },
  {
    name: 'slotless',
    life: 'attached',
    expected: [found('registry.slot', 'missing', 'slot-lost')],
    plant: async (hand, volume) => setSlot(hand, await hand.vmOf(volume), { volume, to: undefined }),
  },
  {
    name: 'reserved',
    life: 'attached',
    expected: [found('registry.slot', 'different', 'slot-different')],
    plant: async (hand, volume) => setSlot(hand, await hand.vmOf(volume), { volume, to: 'reserved' }),
  },
  {
    name: 'in-two-slots',
    life: 'created',
    expected: [found('registry.slot', 'unexpected', 'slot-left')],
    plant: (hand, volume) => setSlot(hand, 'VM_2', { volume, to: 'attached' }),
  },
  {
    name: 'slot-for-nobody',
    life: 'none',
    expected: [found('registry.slot', 'unexpected', 'slot-unknown', 'confirmed')],
    plant: (hand, volume) => setSlot(hand, 'VM_2', { volume, to: 'attached' }),
    mend: (hand, volume) => setSlot(hand, 'VM_2', { volume, to: undefined }),
  },
  {
    name: 'buried',
    life: 'created',
    expected: [found('registry.tombstone', 'unexpected', 'tombstone-beside')],
    async plant(hand, volume) {
      const of = { account: await accountOf(hand), region: regionOf(hand) };
      const stone = { id: volume, ...of, imageId: '', rev: 1, at: 1 };
      await hand.put(`tombstones/${volume}`, JSON.stringify(stone));
    },
  },
  {
    name: 'polled-for-ever',
    life: 'created',
    expected: [found('registry.action', 'unexpected', 'action-stuck')],
    async plant(hand, volume) {
      const { action, mark } = await firstAction(hand, volume);
      await setBack(hand, action);
      await hand.put(mark, null);
    },
  },
  {
    // Its mark in the volume's list says that it has ended, so nobody knows how.
    name: 'set-back',
    life: 'created',
    expected: [found('registry.action', 'unexpected', 'action-unknown', 'confirmed')],
    plant: async (hand, volume) => setBack(hand, (await firstAction(hand, volume)).action),
    async mend(hand, volume) {
      const { action } = await firstAction(hand, volume);
      await hand.edit<ActionRecord>(action, (one) => ({
        ...one,
        status: 'completed',
        completedAt: one.startedAt,
      }));
    },
  },
];

function regionOf(hand: ByHand): string {
  return hand.system.variable('PLUMBLINE_REGION');
}

/** All that a stack's customer has is one account's. */
async function accountOf({ system }: ByHand): Promise<string> {
  const [owner] = [...(await system.registry('usage/')).keys()];
  return owner?.slice('usage/'.length) ?? '';
}

async function nameKey(hand: ByHand, name: string): Promise<string> {
  const hash = createHash('sha256').update(name).digest('hex');
  return `names/${await accountOf(hand)}/${regionOf(hand)}/volume/${hash}`;
}

async function ownNameKey(hand: ByHand, volume: string): Promise<string> {
  return nameKey(hand, (await hand.system.volume(volume)).name);
}

/** One that nobody has asked for. */
function strayNameKey(hand: ByHand, volume: string): Promise<string> {
  return nameKey(hand, `by-hand-${volume}`);
}

async function setSlot(
  hand: ByHand,
  vm: VmName,
  { to, volume }: { volume: string; to: string | undefined },
): Promise<void> {
  const key = `vms/${String(hand.vmId(vm)).padStart(VM_DIGITS, '0')}`;
  await hand.edit<VmRecord>(key, (record) => {
    const { [volume as never]: _, ...others } = record.slots;
    return { ...record, slots: { ...others, ...(to === undefined ? {} : { [volume]: to }) } };
  });
}

/** The one that made it, and its mark in the volume's list of those that have ended. */
async function firstAction({ system }: ByHand, volume: string): Promise<{ action: string; mark: string }> {
  const [[mark, entry] = ['', undefined]] = [...(await system.registry(`volume-actions/${volume}/`))];
  return { action: `actions/${String(entry?.value)}/${mark.split('/').at(-1)}`, mark };
}

async function setBack(hand: ByHand, action: string): Promise<void> {
  await hand.edit<ActionRecord>(action, (one) => ({
    ...one,
    status: 'in-progress',
    completedAt: null,
    revAfter: null,
  }));
}
