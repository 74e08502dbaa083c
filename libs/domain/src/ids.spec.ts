import fc from 'fast-check';
import { imageNameOf, nodeNameOf, parseVolumeId, volumeIdOfImage, volumeIdOfNode } from './ids.js';
import type { VolumeId } from './ids.js';

const volumeId = fc.uuid({ version: 4 }).map((id) => id as VolumeId);

describe('names made of ids', () => {
  it('fit QEMU’s 31 characters and lead back to the id', () => {
    fc.assert(
      fc.property(volumeId, (id) => {
        expect(nodeNameOf(id).length).toBeLessThanOrEqual(31);
        expect(volumeIdOfNode(nodeNameOf(id))).toBe(id);
        expect(volumeIdOfImage(imageNameOf(id))).toBe(id);
      }),
    );
  });

  it('sort as their ids do, so that listings can be merged', () => {
    fc.assert(
      fc.property(volumeId, volumeId, (one, other) => {
        expect(nodeNameOf(one) < nodeNameOf(other)).toBe(one < other);
        expect(imageNameOf(one) < imageNameOf(other)).toBe(one < other);
      }),
    );
  });

  it('are no strangers’ names', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(volumeIdOfNode(text) === null || nodeNameOf(volumeIdOfNode(text) as VolumeId) === text).toBe(
          true,
        );
        expect(volumeIdOfImage(text)).toBeNull();
      }),
    );
    expect(parseVolumeId('fake-vol-id')).toBeNull();
    expect(parseVolumeId('00000000-0000-4000-8000-00000000000A')).toBeNull();
  });
});
