import { GIB, imageKeyOf } from '@plumbline/ceph-facets';
import { nodeNameOf } from '@plumbline/domain';
import type { ActionNumber, VolumeRecord } from '@plumbline/domain';
import { EXAMPLE_VOLUME } from '@plumbline/intents';
import { Invariants } from './invariants.js';
import { ACCOUNTS, REGION, World } from './world.js';

const account = ACCOUNTS[0]!.id;
const key = imageKeyOf(REGION, EXAMPLE_VOLUME);
const image = { imageId: 'image-1', state: 'open', sizeBytes: 2 * GIB } as const;
const record = {
  id: EXAMPLE_VOLUME,
  account,
  name: 'data',
  region: REGION,
  sizeGib: 2,
  imageId: 'image-1',
  attachment: null,
  pins: [],
  rev: 1,
} as unknown as VolumeRecord;

function put(world: World, at: string, value: unknown): void {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  world.consul.store.transact([{ verb: 'set', key: at, value: text }]);
}

/** One volume, settled, and everything that goes with it. */
function consistent(): World {
  const world = new World(1);
  put(world, world.layout.volume(account, EXAMPLE_VOLUME), record);
  put(world, world.layout.usage(account), { volumes: 1, gib: 2 });
  put(world, world.layout.name({ account, region: REGION, kind: 'volume', name: 'data' }), EXAMPLE_VOLUME);
  world.sources.images.set(key, image);
  return world;
}

const wrongs: readonly [string, string, (world: World) => unknown][] = [
  ['V1', 'has no image', ({ sources }) => sources.images.delete(key)],
  ['V1', 'has a stranger’s image', ({ sources }) => sources.images.set(key, { ...image, imageId: 'other' })],
  ['V1', 'has half an image', ({ sources }) => sources.images.set(key, { ...image, state: 'half-made' })],
  ['V3', 'is in the trash', ({ sources }) => sources.images.delete(key) && sources.trash.set(key, image)],
  ['V5', 'is larger than its image', ({ sources }) => sources.images.set(key, { ...image, sizeBytes: GIB })],
  [
    'V4',
    'is in a VM that nobody claims',
    ({ sources }) => sources.devices.set(`1/${nodeNameOf(EXAMPLE_VOLUME)}`, { node: '', state: 'plugged' }),
  ],
  ['B2', 'is not counted', (world) => put(world, world.layout.usage(account), { volumes: 0, gib: 0 })],
  [
    'R3',
    'has lost its name',
    ({ consul, layout }) =>
      consul.store.transact([
        { verb: 'delete', key: layout.name({ account, region: REGION, kind: 'volume', name: 'data' }) },
      ]),
  ],
  [
    'R1',
    'was promised something that is nowhere',
    ({ acknowledged }) =>
      acknowledged.push({
        intent: 'i',
        resource: `volume/${EXAMPLE_VOLUME}`,
        account,
        action: 1 as ActionNumber,
      }),
  ],
];

describe('the invariants', () => {
  it('hold of a volume that is as it must be', () => {
    expect(new Invariants(consistent()).broken()).toBeNull();
  });

  it.each(wrongs)('name %s when a volume %s', (invariant, _what, spoil) => {
    const world = consistent();
    spoil(world);
    expect(new Invariants(world).broken()).toMatchObject({ invariant });
  });
});
