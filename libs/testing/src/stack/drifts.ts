import { randomUUID } from 'node:crypto';
import type { DiscrepancyRecord } from '@plumbline/domain';
import type { ByHand } from './by-hand.js';
import { found } from './drift.js';
import type { Drift } from './drift.js';
import { registryDrifts } from './registry-drifts.js';

const SIZE = '1G';
const SMALLER = '512M';
/** Below the name of the image, so that each id has one of its own. */
const strayOf = (volume: string) => `by-hand-${volume}`;

const images: readonly Drift[] = [
  {
    name: 'trashed',
    life: 'created',
    expected: [found('ceph.image', 'different', 'image-trashed')],
    plant: (hand, volume) => hand.rbd('trash', 'mv', hand.imageOf(volume)),
  },
  {
    name: 'renamed',
    life: 'created',
    expected: [
      found('ceph.image', 'different', 'image-renamed'),
      found('ceph.image', 'unexpected', 'image-unknown'),
    ],
    plant: (hand, volume) => hand.rbd('mv', hand.imageOf(volume), `${hand.pool}/${strayOf(volume)}`),
  },
  {
    name: 'removed',
    life: 'created',
    expected: [found('ceph.image', 'missing', 'image-missing', 'parked:image-missing')],
    plant: (hand, volume) => hand.rbd('rm', '--no-progress', hand.imageOf(volume)),
  },
  {
    name: 'replaced',
    life: 'created',
    expected: [found('ceph.image', 'different', 'image-another', 'parked:stranger')],
    async plant(hand, volume) {
      await hand.rbd('rm', '--no-progress', hand.imageOf(volume));
      await hand.rbd('create', '--size', SIZE, hand.imageOf(volume));
    },
    mend: (hand, volume) => hand.rbd('rm', '--no-progress', hand.imageOf(volume)),
  },
  {
    name: 'shrunk',
    life: 'created',
    expected: [found('ceph.image', 'different', 'image-damaged', 'confirmed')],
    plant: shrink,
    mend: grow,
  },
  {
    name: 'left',
    life: 'deleted',
    expected: [found('ceph.image', 'unexpected', 'image-left')],
    plant: (hand, volume) => hand.restoreFromTrash(volume),
  },
  {
    name: 'orphan',
    life: 'none',
    expected: [found('ceph.image', 'unexpected', 'image-unknown', 'confirmed')],
    plant: (hand, volume) => hand.rbd('create', '--size', SIZE, hand.imageOf(volume)),
    mend: (hand, volume) => hand.rbd('rm', '--no-progress', hand.imageOf(volume)),
  },
  {
    name: 'orphan-in-trash',
    life: 'none',
    expected: [found('ceph.trash', 'unexpected', 'trash-unknown', 'confirmed')],
    async plant(hand, volume) {
      await hand.rbd('create', '--size', SIZE, hand.imageOf(volume));
      await hand.rbd('trash', 'mv', hand.imageOf(volume));
    },
    mend: (hand, volume) => hand.removeFromTrash(volume),
  },
];

const subscriptions: readonly Drift[] = [
  {
    name: 'unbilled',
    life: 'created',
    expected: [found('billing.subscription', 'missing', 'subscription-missing')],
    plant: (hand, volume) => hand.sql(`DELETE FROM subscriptions WHERE volume_id = '${volume}'`),
  },
  {
    name: 'overbilled',
    life: 'created',
    expected: [found('billing.subscription', 'different', 'subscription-different')],
    plant: (hand, volume) => hand.sql(`UPDATE subscriptions SET size_gib = 9 WHERE volume_id = '${volume}'`),
  },
  {
    name: 'reopened',
    life: 'deleted',
    expected: [found('billing.subscription', 'unexpected', 'subscription-left')],
    plant: (hand, volume) => hand.sql(`UPDATE subscriptions SET size_gib = 1 WHERE volume_id = '${volume}'`),
  },
  {
    name: 'billed-for-nothing',
    life: 'none',
    expected: [found('billing.subscription', 'unexpected', 'subscription-unknown', 'confirmed')],
    plant: (hand, volume) =>
      hand.sql(
        `INSERT INTO subscriptions (volume_id, account_id, rev, at, size_gib) VALUES ('${volume}', '${randomUUID()}', 1, now(), 1)`,
      ),
    mend: (hand, volume) => hand.sql(`DELETE FROM subscriptions WHERE volume_id = '${volume}'`),
  },
];

const disks: readonly Drift[] = [
  {
    name: 'unplugged',
    life: 'attached',
    expected: [found('qemu.device', 'missing', 'device-lost')],
    plant: async (hand, volume) => hand.unplug(await hand.vmOf(volume), volume),
  },
  {
    name: 'closed',
    life: 'attached',
    expected: [found('qemu.device', 'missing', 'device-lost'), found('qemu.node', 'missing', 'node-lost')],
    plant: takeAway,
  },
  {
    name: 'driveless',
    life: 'attached',
    expected: [found('qemu.device', 'different', 'device-broken')],
    async plant(hand, volume) {
      const vm = await hand.vmOf(volume);
      await hand.unplug(vm, volume);
      // QEMU pulls a drive away from under a device only where it was made in its old way.
      const drive = `gone-${volume}`;
      const monitor = (line: string) => hand.qmp(vm, 'human-monitor-command', { 'command-line': line });
      await monitor(`drive_add 0 if=none,id=${drive},file.driver=null-co,file.size=${SIZE},format=raw`);
      await hand.addDevice(vm, volume, drive);
      await monitor(`drive_del ${drive}`);
    },
  },
  {
    name: 'small',
    life: 'attached',
    expected: [found('qemu.node', 'different', 'node-small')],
    async plant(hand, volume) {
      const vm = await takeAway(hand, volume);
      await shrink(hand, volume);
      await hand.plugIn(vm, volume, hand.nameOf(volume));
      await grow(hand, volume); // The VM knows the size that the image had when it was opened.
    },
  },
  {
    name: 'elsewhere',
    life: 'attached',
    expected: [
      found('qemu.node', 'different', 'node-broken'),
      found('ceph.image', 'unexpected', 'image-unknown', 'confirmed'),
    ],
    async plant(hand, volume) {
      const vm = await takeAway(hand, volume);
      await hand.rbd('create', '--size', SIZE, `${hand.pool}/${strayOf(volume)}`);
      await hand.plugIn(vm, volume, strayOf(volume));
    },
    mend: removeStray,
  },
  {
    name: 'plugged',
    life: 'created',
    expected: [
      found('qemu.device', 'unexpected', 'device-left'),
      found('qemu.node', 'unexpected', 'node-left'),
    ],
    plant: (hand, volume) => hand.plugIn('VM', volume, hand.nameOf(volume)),
  },
  {
    name: 'nobodys',
    life: 'none',
    expected: [
      found('qemu.device', 'unexpected', 'device-unknown', 'confirmed'),
      found('qemu.node', 'unexpected', 'node-unknown', 'confirmed'),
      found('ceph.image', 'unexpected', 'image-unknown', 'confirmed'),
    ],
    async plant(hand, volume) {
      await hand.rbd('create', '--size', SIZE, `${hand.pool}/${strayOf(volume)}`);
      await hand.plugIn('VM_2', volume, strayOf(volume));
    },
    async mend(hand, volume) {
      await hand.unplug('VM_2', volume);
      await hand.closeNode('VM_2', volume);
      await removeStray(hand, volume);
    },
  },
];

/** Every sort of drift of one volume that a person can make on the real parts. */
export const DRIFTS: readonly Drift[] = [...images, ...subscriptions, ...disks, ...registryDrifts];

/** What is found of a drift, one line for each thing that differs. */
export function linesExpected({ expected }: Drift, volume: string): readonly string[] {
  return expected.map((one) => [one.end, one.facet, one.class, one.remedy, volume].join(' '));
}

type Found = Pick<DiscrepancyRecord, 'class' | 'facet' | 'key' | 'parked' | 'remedy' | 'state' | 'volume'>;

/** Where a discrepancy stands, in the same words; of what is nobody's by the id in its name. */
export function lineFound({ class: sort, facet, key, parked, remedy, state, volume }: Found): string {
  const where = volume ?? ID_AT_END.exec(key)?.[0] ?? key;
  return [state === 'parked' ? `parked:${parked}` : state, facet, sort, remedy.name, where].join(' ');
}

const ID_AT_END = /[0-9a-f-]{36}$/;

async function takeAway(hand: ByHand, volume: string) {
  const vm = await hand.vmOf(volume);
  await hand.unplug(vm, volume);
  await hand.closeNode(vm, volume);
  return vm;
}

async function shrink(hand: ByHand, volume: string): Promise<void> {
  await hand.rbd('resize', '--no-progress', '--allow-shrink', '--size', SMALLER, hand.imageOf(volume));
}

async function grow(hand: ByHand, volume: string): Promise<void> {
  await hand.rbd('resize', '--no-progress', '--size', SIZE, hand.imageOf(volume));
}

async function removeStray(hand: ByHand, volume: string): Promise<void> {
  await hand.rbd('rm', '--no-progress', `${hand.pool}/${strayOf(volume)}`);
}
