import type { Mutant } from './mutant.js';

const CREATE = 'libs/intents/src/volume-create.ts';
const DELETE = 'libs/intents/src/volume-delete.ts';
const RESIZE = 'libs/intents/src/volume-resize.ts';
const ATTACH = 'libs/intents/src/volume-attach.ts';
const DISK = 'libs/intents/src/disk.ts';
const DETACH = 'libs/intents/src/volume-detach.ts';

/** What each kind does, in which order, and what its facets say of what was found. */
export const OF_INTENTS: readonly Mutant[] = [
  {
    id: 'image-goes-before-the-record',
    breaks: ['V1', 'V3'],
    file: DELETE,
    find: 'prepare: [],',
    put: 'prepare: [image(record.region, p.volumeId).endsAs({ trashed: true, imageId: record.imageId }) as never],',
    story: 'volume-create, then volume-delete',
    why: 'a record names an image that is in the trash already',
  },
  {
    id: 'record-grows-first',
    breaks: ['V5'],
    file: RESIZE,
    find: 'image(region, p.volumeId).is({ sizeGib: p.sizeGib, imageId }),',
    put: 'image(region, p.volumeId).is({ sizeGib: record.sizeGib, imageId }),',
    why: 'the customer sees a size that the image has not got',
  },
  {
    id: 'sizes-shrink',
    breaks: ['V5'],
    file: RESIZE,
    find: 'if (record !== null && p.sizeGib <= record.sizeGib)',
    put: 'if (record !== null && p.sizeGib === record.sizeGib)',
    also: [
      {
        file: RESIZE,
        find: '({ ...now, sizeGib: Math.max(now.sizeGib, p.sizeGib) })',
        put: '({ ...now, sizeGib: p.sizeGib })',
      },
    ],
    why: 'a volume is made smaller than what is written on it',
  },
  {
    id: 'growth-not-owed',
    breaks: ['A1', 'M1'],
    file: RESIZE,
    find: 'owes: [subscription.is({ sizeGib: Math.max(record.sizeGib, p.sizeGib) })],',
    put: 'owes: [],',
    why: 'billing never learns of the new size',
  },
  {
    id: 'vm-not-told-of-growth',
    breaks: ['A1', 'A3'],
    file: RESIZE,
    find: '...(attachment === null',
    put: '...(attachment !== null || attachment === null',
    why: 'the VM shows the old size for ever',
  },
  {
    id: 'detach-commits-first',
    breaks: ['V4'],
    file: DETACH,
    find: 'prepare: [device(at).isReleased(), node(at).isReleased()],',
    put: 'prepare: [],',
    story: 'volume-create, then volume-attach, then volume-detach',
    why: 'the record says that nobody has it while a guest can still write to it',
  },
  {
    id: 'node-left-behind',
    breaks: ['V4'],
    file: DETACH,
    find: 'prepare: [device(at).isReleased(), node(at).isReleased()],',
    put: 'prepare: [device(at).isReleased()],',
    story: 'volume-create, then volume-attach, then volume-detach',
    why: 'the VM keeps the image open when the volume is attached elsewhere',
  },
  {
    id: 'attached-twice',
    breaks: ['V4'],
    file: ATTACH,
    find: 'if (record !== null && record.attachment !== null)',
    put: 'if (record !== null && record.attachment?.vm === p.vm)',
    also: [
      { file: DISK, find: 'watch(region, id).requires({ watchers: 0 }),', put: '' },
      { file: DISK, find: 'watch(region, id).requires({ watchers: 1 }),', put: '' },
    ],
    why: 'a volume that one VM has is given to another',
  },
  {
    id: 'image-not-named',
    breaks: ['V1'],
    file: CREATE,
    find: "imageId: (found(cephImage.name) as ImageSeen | undefined)?.imageId ?? '',",
    put: "imageId: (found(cephImage.name) as ImageSeen | undefined)?.imageId.slice(0, 0) ?? '',",
    story: 'volume-create',
    why: 'the record does not know its image from a stranger’s of that name',
  },
  {
    id: 'attached-is-deleted',
    breaks: ['V1', 'V3', 'V4'],
    file: DELETE,
    find: 'if (record.attachment !== null)',
    put: 'if (record.attachment !== null && record.pins.length > 0)',
    why: 'a volume is deleted under the VM that writes to it',
  },
  {
    id: 'half-made-taken-for-whole',
    breaks: ['V1'],
    file: 'libs/sources/ceph/facets/src/image.ts',
    find: "if (seen === null || isStrangers(want, seen) || seen.state !== 'open') return false;",
    put:
      "if (seen?.state === 'half-made') return true;\n" +
      "    if (seen === null || isStrangers(want, seen) || seen.state !== 'open') return false;",
    story: 'volume-create',
    why: 'an image that is listed and cannot be opened is taken as done',
  },
  {
    id: 'node-names-cut-short',
    breaks: ['V4', 'A1'],
    file: 'libs/domain/src/ids.ts',
    find: "padStart(NODE_NAME_LENGTH - 1, '0')}`;",
    put: "padStart(NODE_NAME_LENGTH - 1, '0').charAt(0)}`.padEnd(NODE_NAME_LENGTH, '0');",
    why: 'two volumes have one node name',
  },
  {
    id: 'adopted-is-made-anew',
    breaks: ['V1'],
    file: 'libs/intents/src/volume-adopt.ts',
    find: 'is({ adoptedFrom, imageId, sizeGib: size }),',
    put: 'isMinted({ sizeGib: size }),',
    why: 'the volume gets an empty image of its own, and not the one that was to be adopted',
  },
  {
    id: 'released-leaves-a-tombstone',
    breaks: ['V3'],
    file: 'libs/intents/src/volume-release.ts',
    find: '  forgets: true,\n',
    put: '',
    why: 'a purge that is filed for it later on is about what is somebody else’s by then',
  },
  {
    id: 'releases-what-is-attached',
    breaks: ['V3', 'V4'],
    file: 'libs/intents/src/volume-release.ts',
    find: 'if (record.attachment !== null)',
    put: 'if (record.attachment !== null && record.id === undefined)',
    also: [
      {
        file: 'libs/intents/src/volume-release.ts',
        find: 'watch(region, p.volumeId).requires({ watchers: 0 }),',
        put: '',
      },
    ],
    why: 'an attach that came before it is done, and the VM goes on writing to what is nobody’s',
  },
];
