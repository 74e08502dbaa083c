import type { VmId } from '@plumbline/domain';
import { GIB } from '@plumbline/ceph-facets';
import { diskPlaceOf } from '@plumbline/qemu-facets';
import type { MemorySources } from '../engine/memory-sources.js';
import { HOST } from './ground.js';

/** The machine into which somebody has plugged a disk that belongs nowhere. */
const ASTRAY = 2 as VmId;

/** What has gone wrong before a repair is filed, by the repair's kind: without it there is nothing that it could do. */
export const DAMAGES: Readonly<Record<string, (sources: MemorySources) => void>> = {
  'repair-image': ({ images, trash }) => {
    for (const [key, image] of images) trash.set(key, { ...image, state: 'trashed' });
    images.clear();
  },
  'volume-adopt': ({ images }) => {
    const image = { imageId: 'image-by-hand', sizeBytes: 2 * GIB, state: 'open' } as const;
    images.set('volumes-nyc1/made-by-hand', image);
  },
  'volume-adopt-size': ({ images }) => {
    for (const [key, image] of images) images.set(key, { ...image, sizeBytes: 5 * GIB });
  },
  'repair-leftover': ({ images, trash }) => {
    for (const [key, image] of trash) images.set(key, { ...image, state: 'open' });
    trash.clear();
  },
  'repair-disk': ({ devices, nodes }) => {
    devices.clear();
    nodes.clear();
  },
  'repair-unplug': ({ devices, images, nodes }) => {
    for (const [key, { sizeBytes }] of images) {
      const [pool = '', image = ''] = key.split('/');
      const volume = image.replace('volume-', '') as Parameters<typeof diskPlaceOf>[0]['volume'];
      const place = diskPlaceOf({ vm: ASTRAY, host: HOST, volume }).key;
      const node = place.slice(place.indexOf('/') + 1);
      nodes.set(place, { pool, image, sizeBytes, address: '127.0.0.1:0/9999' });
      devices.set(place, { node, state: 'plugged' });
    }
  },
};
