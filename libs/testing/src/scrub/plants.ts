import { imageNameOf, nodeNameOf, poolOf } from '@plumbline/domain';
import type { RegionSlug, VolumeId } from '@plumbline/domain';
import { EXAMPLE_VOLUME } from '@plumbline/intents';
import { NYC1, OTHER_VM, VM } from '../engine/engine-world.js';
import type { MemorySources } from '../engine/memory-sources.js';
import { diskKey, imageKey } from './scrub-world.js';
import type { ScrubWorld } from './scrub-world.js';

/** No volume of ours ever had this id. */
const NOBODYS = 'fedcba98-0000-4000-8000-000000000001' as VolumeId;
const GIB = 1024 ** 3;
const key = imageKey(EXAMPLE_VOLUME);
const otherKey = `${poolOf(NYC1)}/another-name`;
const disk = diskKey(EXAMPLE_VOLUME, VM);
const otherDisk = diskKey(EXAMPLE_VOLUME, OTHER_VM);

/** One way in which a thing can be wrong, planted behind the registry's back, and what must have become of it. */
export interface Plant {
  readonly what: string;
  /** What was done to the volume before, in good order. */
  readonly life: readonly string[];
  readonly plant: (of: MemorySources, scrub: ScrubWorld) => void | Promise<void>;
  /** `repaired`: all agrees again. `reported`: all is still as it was planted. Else it is parked, for this reason. */
  readonly end: 'repaired' | 'reported' | 'image-missing' | 'stranger';
}

const created = ['volume-create'];
const attached = ['volume-create', 'volume-attach'];
const deleted = ['volume-create', 'volume-delete'];

function change<T>(things: Map<string, T>, at: string, to: (now: T) => T): void {
  const now = things.get(at);
  if (now === undefined) throw new Error(`nothing stands at ${at}`);
  things.set(at, to(now));
}

function plugIn(of: MemorySources, at: string, id: VolumeId): void {
  const [pool, image, address] = [poolOf(NYC1), imageNameOf(id), '127.0.0.1:0/by-hand'];
  of.nodes.set(at, { pool, image, sizeBytes: 2 * GIB, address });
  of.devices.set(at, { node: nodeNameOf(id), state: 'plugged' });
}

function backFromTrash(of: MemorySources): void {
  const image = of.trash.get(key);
  if (image === undefined) throw new Error('nothing is in the trash');
  of.trash.delete(key);
  of.images.set(key, { ...image, state: 'open' });
}

function rename({ images }: MemorySources): void {
  change(images, key, (now) => (images.set(otherKey, now), now));
  images.delete(key);
}

/** By the name of the remedy that it must meet with. */
export const PLANTS: Readonly<Record<string, readonly Plant[]>> = {
  'image-trashed': [
    {
      what: 'moved to the trash',
      life: created,
      plant({ images, trash }) {
        change(images, key, (now) => (trash.set(key, { ...now, state: 'trashed' }), now));
        images.delete(key);
      },
      end: 'repaired',
    },
    {
      what: 'renamed, and then moved to the trash',
      life: created,
      plant({ images, trash }) {
        change(images, key, (now) => (trash.set(otherKey, { ...now, state: 'trashed' }), now));
        images.delete(key);
      },
      end: 'repaired',
    },
  ],
  'image-renamed': [
    { what: 'renamed', life: created, plant: rename, end: 'repaired' },
    { what: 'renamed under a VM', life: attached, plant: rename, end: 'repaired' },
  ],
  'image-missing': [
    { what: 'removed', life: created, plant: ({ images }) => void images.delete(key), end: 'image-missing' },
    {
      what: 'removed from under a VM',
      life: attached,
      plant: ({ images }) => void images.delete(key),
      end: 'image-missing',
    },
  ],
  'image-another': [
    {
      what: 'removed, and another made under its name',
      life: created,
      plant: ({ images }) => change(images, key, (now) => ({ ...now, imageId: 'another' })),
      end: 'stranger',
    },
    {
      what: 'renamed, and another made under its name',
      life: created,
      plant(of) {
        rename(of);
        of.images.set(key, { imageId: 'another', sizeBytes: 2 * GIB, state: 'open' });
      },
      end: 'stranger',
    },
    {
      what: 'removed, and another in the trash under its name',
      life: created,
      plant({ images, trash }) {
        change(images, key, (now) => (trash.set(key, { ...now, imageId: 'another', state: 'trashed' }), now));
        images.delete(key);
      },
      end: 'stranger',
    },
  ],
  'image-damaged': [
    {
      what: 'smaller than recorded',
      life: created,
      plant: ({ images }) => change(images, key, (now) => ({ ...now, sizeBytes: GIB })),
      end: 'reported',
    },
    {
      what: 'without what it takes to open it',
      life: created,
      plant: ({ images }) => change(images, key, (now) => ({ ...now, state: 'half-made' as const })),
      end: 'reported',
    },
    {
      what: 'in the trash, and removed from there in part',
      life: created,
      plant({ images, trash }) {
        change(images, key, (now) => (trash.set(key, { ...now, state: 'purging' }), now));
        images.delete(key);
      },
      end: 'reported',
    },
  ],
  'image-left': [{ what: 'taken back from the trash', life: deleted, plant: backFromTrash, end: 'repaired' }],
  'image-unknown': [
    {
      what: 'under a name like ours',
      life: created,
      plant: ({ images }) =>
        void images.set(imageKey(NOBODYS), { imageId: 'theirs', sizeBytes: GIB, state: 'open' }),
      end: 'reported',
    },
    {
      what: 'under the name of ours, in another pool',
      life: created,
      plant: ({ images }) =>
        void images.set(imageKey(EXAMPLE_VOLUME, 'nyc3' as RegionSlug), {
          imageId: 'theirs',
          sizeBytes: GIB,
          state: 'open',
        }),
      end: 'reported',
    },
    {
      what: 'made under the name of a deleted one',
      life: deleted,
      plant: ({ images }) => void images.set(key, { imageId: 'theirs', sizeBytes: GIB, state: 'open' }),
      end: 'reported',
    },
    {
      what: 'under a name that is none of ours',
      life: created,
      plant: ({ images }) =>
        void images.set(`${poolOf(NYC1)}/by-hand`, { imageId: 'theirs', sizeBytes: GIB, state: 'open' }),
      end: 'reported',
    },
  ],
  'trash-unknown': [
    {
      what: 'in the trash, of a volume that never was',
      life: created,
      plant: ({ trash }) =>
        void trash.set(imageKey(NOBODYS), { imageId: 'theirs', sizeBytes: GIB, state: 'trashed' }),
      end: 'reported',
    },
    {
      what: 'in the trash under the name of a deleted one, and another’s',
      life: deleted,
      plant: ({ trash }) => change(trash, key, (now) => ({ ...now, imageId: 'theirs' })),
      end: 'reported',
    },
  ],
  'node-lost': [
    {
      what: 'gone with its VM’s process',
      life: attached,
      plant(of) {
        of.killVm(VM);
        of.wakeVm(VM);
      },
      end: 'repaired',
    },
  ],
  'node-small': [
    {
      what: 'of an older size',
      life: attached,
      plant: ({ nodes }) => change(nodes, disk, (now) => ({ ...now, sizeBytes: GIB })),
      end: 'repaired',
    },
  ],
  'node-broken': [
    {
      what: 'unreadable',
      life: attached,
      plant({ devices, nodes }) {
        devices.delete(disk);
        change(nodes, disk, (now) => ({ ...now, pool: '', image: '', unreadable: true as const }));
      },
      end: 'repaired',
    },
  ],
  'node-left': [
    {
      what: 'in another VM',
      life: attached,
      plant: (of) => plugIn(of, otherDisk, EXAMPLE_VOLUME),
      end: 'repaired',
    },
    {
      what: 'of a detached one',
      life: created,
      plant: (of) => plugIn(of, disk, EXAMPLE_VOLUME),
      end: 'repaired',
    },
    {
      what: 'of a deleted one',
      life: deleted,
      plant: (of) => plugIn(of, disk, EXAMPLE_VOLUME),
      end: 'repaired',
    },
  ],
  'node-unknown': [
    {
      what: 'of nobody’s',
      life: created,
      plant: (of) => plugIn(of, diskKey(NOBODYS, VM), NOBODYS),
      end: 'reported',
    },
  ],
  'device-lost': [
    { what: 'unplugged', life: attached, plant: ({ devices }) => void devices.delete(disk), end: 'repaired' },
  ],
  'device-broken': [
    {
      what: 'without its drive',
      life: attached,
      plant: ({ devices }) => change(devices, disk, () => ({ node: '', state: 'driveless' as const })),
      end: 'repaired',
    },
  ],
  'device-left': [
    {
      what: 'in another VM, without its drive',
      life: attached,
      plant: ({ devices }) => void devices.set(otherDisk, { node: '', state: 'driveless' }),
      end: 'repaired',
    },
  ],
  'device-unknown': [
    {
      what: 'of nobody’s',
      life: created,
      plant: ({ devices }) =>
        void devices.set(diskKey(NOBODYS, VM), { node: nodeNameOf(NOBODYS), state: 'driveless' }),
      end: 'reported',
    },
  ],
  'subscription-missing': [
    { what: 'deleted', life: created, plant: (_, { billed }) => void billed.clear(), end: 'repaired' },
  ],
  'subscription-different': [
    {
      what: 'of another size',
      life: created,
      plant: (_, { billed }) =>
        change(billed as Map<string, { sizeGib: number; account: string }>, EXAMPLE_VOLUME, (now) => ({
          ...now,
          sizeGib: 9,
        })),
      end: 'repaired',
    },
  ],
  'subscription-left': [
    {
      what: 'opened again',
      life: deleted,
      plant: (_, { billed, world }) =>
        void billed.set(EXAMPLE_VOLUME, { sizeGib: 2, account: world.account.id }),
      end: 'repaired',
    },
  ],
  'subscription-unknown': [
    {
      what: 'for a volume that never was',
      life: created,
      plant: (_, { billed, world }) => void billed.set(NOBODYS, { sizeGib: 2, account: world.account.id }),
      end: 'reported',
    },
  ],
};
