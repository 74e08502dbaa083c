import { imageNameOf, nodeNameOf, poolOf } from '@plumbline/domain';
import { EXAMPLE_VOLUME } from '@plumbline/intents';
import { NYC1, OTHER_VM, VM } from './engine-world.js';
import type { EngineWorld } from './engine-world.js';

/** What somebody, or a dead host, does to the sources behind the registry's back, before a repair is asked for. */
export type Damage = (world: EngineWorld) => void;

const imageKey = `${poolOf(NYC1)}/${imageNameOf(EXAMPLE_VOLUME)}`;
const GIB = 1024 ** 3;
const diskKeyIn = (vm: number): string => `${vm}/${nodeNameOf(EXAMPLE_VOLUME)}`;

/** By the kind that repairs it, and by what was done. Each leaves alone what is not there. */
export const DAMAGES: Readonly<Record<string, Readonly<Record<string, Damage>>>> = {
  'repair-claims': {
    'its name was taken away by hand': ({ consul }) => {
      for (const { key } of consul.store.tree('plumbline/names/'))
        consul.store.transact([{ verb: 'delete', key }]);
    },
    'its slots were freed by hand, and its owner deleted': ({ consul: { store } }) => {
      for (const { key, value } of store.tree('plumbline/vms/'))
        store.transact([{ verb: 'set', key, value: JSON.stringify({ ...JSON.parse(value), slots: {} }) }]);
      for (const { key } of store.tree('plumbline/owners/')) store.transact([{ verb: 'delete', key }]);
    },
  },
  'repair-disk': {
    'its VM was restarted': ({ sources }) => {
      sources.killVm(VM);
      sources.wakeVm(VM);
    },
    'its device was unplugged by hand': ({ sources }) => void sources.devices.delete(diskKeyIn(VM)),
  },
  'repair-disk-size': {
    'the VM shows an older size': ({ sources }) => {
      const node = sources.nodes.get(diskKeyIn(VM));
      if (node !== undefined) sources.nodes.set(diskKeyIn(VM), { ...node, sizeBytes: 1024 ** 3 });
    },
  },
  'repair-image': {
    'its image was moved to the trash by hand': ({ sources }) => {
      const image = sources.images.get(imageKey);
      if (image === undefined) return;
      sources.images.delete(imageKey);
      sources.trash.set(imageKey, { ...image, state: 'trashed' });
    },
  },
  'volume-adopt': {
    'somebody made an image by hand': ({ sources }) =>
      void sources.images.set(`${poolOf(NYC1)}/made-by-hand`, {
        imageId: 'image-by-hand',
        sizeBytes: 2 * GIB,
        state: 'open',
      }),
  },
  'volume-adopt-size': {
    'somebody grew its image by hand': ({ sources }) => {
      const image = sources.images.get(imageKey);
      if (image !== undefined) sources.images.set(imageKey, { ...image, sizeBytes: 5 * GIB });
    },
  },
  'repair-leftover': {
    'its image was taken back from the trash by hand': ({ sources }) => {
      const image = sources.trash.get(imageKey);
      if (image === undefined) return;
      sources.trash.delete(imageKey);
      sources.images.set(imageKey, { ...image, state: 'open' });
    },
  },
  'repair-unplug': {
    'another VM has it too': ({ sources }) => {
      const image = sources.images.get(imageKey) ?? sources.trash.get(imageKey);
      if (image === undefined) return;
      const [pool, name] = [poolOf(NYC1), imageNameOf(EXAMPLE_VOLUME)];
      const { sizeBytes } = image;
      const address = '127.0.0.1:0/by-hand';
      sources.nodes.set(diskKeyIn(OTHER_VM), { pool, image: name, sizeBytes, address });
      sources.devices.set(diskKeyIn(OTHER_VM), { node: nodeNameOf(EXAMPLE_VOLUME), state: 'plugged' });
    },
  },
};

/** Kinds that are about what somebody did, and nothing else: without it they rightly come to nothing. */
export const ONLY_AFTER_DAMAGE: ReadonlySet<string> = new Set(['volume-adopt', 'volume-adopt-size']);

/** Images that are nobody's afterwards, and are there, by the kind that leaves them. */
export const LEFT_BEHIND: Readonly<Record<string, readonly string[]>> = {
  'volume-release': [`${poolOf(NYC1)}/released-by-hand`],
};
