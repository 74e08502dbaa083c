import { GIB, imageKeyOf } from '@plumbline/ceph-facets';
import { nodeNameOf, volumeResource } from '@plumbline/domain';
import type { BootId, LaneEntry, VmId, VolumeRecord } from '@plumbline/domain';
import { EXAMPLE_VOLUME, intentCatalog } from '@plumbline/intents';
import type { KvOp } from '@plumbline/registry';
import { ProcessClient } from './ceph.js';
import { Invariants } from './invariants.js';
import { SimulatedProcess } from './process.js';
import { HOST, REGION } from './where.js';
import { ACCOUNTS, SECRET, World } from './world.js';

const account = ACCOUNTS[0]!.id;
const resource = volumeResource(EXAMPLE_VOLUME);
const key = imageKeyOf(REGION, EXAMPLE_VOLUME);
const disk = nodeNameOf(EXAMPLE_VOLUME);
const boot = '11111111-1111-4111-8111-111111111111' as BootId;
const image = { imageId: 'image-1', state: 'open', sizeBytes: 2 * GIB } as const;
const node = { pool: 'volumes-nyc1', image: key.split('/')[1]!, sizeBytes: 2 * GIB, address: '10.1.1.1:0/1' };
const attempt = { boot, nonce: 'nonce-1', turn: 1 };
const action = { n: 1, account, resource, intent: 'intent-1', kind: 'volume-create', status: 'in-progress' };
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
  at: 7,
  lastIntent: 'intent-1',
} as unknown as VolumeRecord;

function entryOf(kind: string, intent: string, more: object = {}): LaneEntry {
  const blank = { attempt: null, turns: 0, tries: 0, plan: null, ledger: [], undoing: null };
  const params = { ...(intentCatalog.get(kind)!.example as object), account };
  const entry = { intent, kind, params, account, ...blank, committed: null, parked: null, ...more };
  return entry as unknown as LaneEntry;
}

/** One transaction, past all processes. */
function put(world: World, values: Readonly<Record<string, unknown>>): void {
  const ops = Object.entries(values).map(([at, value]): KvOp => {
    if (value === null) return { verb: 'delete', key: at };
    return { verb: 'set', key: at, value: typeof value === 'string' ? value : JSON.stringify(value) };
  });
  world.consul.store.transact(ops);
}

function laneOf({ layout }: World, ...entries: readonly LaneEntry[]): Readonly<Record<string, unknown>> {
  return { [layout.lane(resource)]: entries.length === 0 ? null : { resource, account, entries } };
}

function keysOf({ layout }: World) {
  return {
    volume: layout.volume(account, EXAMPLE_VOLUME),
    usage: layout.usage(account),
    name: layout.name({ account, region: REGION, kind: 'volume', name: 'data' }),
    owner: layout.owner(EXAMPLE_VOLUME),
    action: layout.action(account, 1 as never),
    owed: (intent: string) => layout.owed('billing', resource, intent as never),
    tombstone: layout.tombstone(EXAMPLE_VOLUME),
  };
}

function fact(intent: string, { rev, at, sizeGib }: Pick<VolumeRecord, 'rev' | 'at' | 'sizeGib'>) {
  return { resource, account, intent, rev, at, want: { sizeGib } };
}

/** A volume that was made as it should be, and is at rest. */
function made(): { world: World; invariants: Invariants } {
  const world = new World(1);
  const keys = keysOf(world);
  const invariants = new Invariants(
    world,
    new Map(['intent-1', 'intent-2'].map((intent) => [intent, 'key'])),
  );
  put(world, {
    ...laneOf(world, entryOf('volume-create', 'intent-1')),
    [keys.usage]: { volumes: 1, gib: 2 },
    [keys.name]: EXAMPLE_VOLUME,
    [keys.owner]: account,
    [keys.action]: action,
  });
  world.acknowledge(action as never);
  expect(invariants.broken()).toBeNull();
  world.ceph.put(key, image);
  put(world, {
    ...laneOf(world),
    [keys.volume]: record,
    [keys.action]: { ...action, status: 'completed' },
    [keys.owed('intent-1')]: fact('intent-1', record),
  });
  expect(invariants.broken()).toBeNull();
  return { world, invariants };
}

class KnownProcess extends SimulatedProcess {
  override get boot(): BootId {
    return boot;
  }
}

/** A process that lives, and is about to write that. */
function writes(world: World, stands: boolean, ops: readonly KvOp[]): void {
  const by = new KnownProcess(world, 'ceph', 'ceph-worker-1');
  world.processes.push(by);
  world.writes = [{ by, ops, stands }];
}

const guards = ({ layout }: World): readonly KvOp[] => [
  { verb: 'check-index', key: layout.boot(boot), index: 1 },
  { verb: 'check-not-exists', key: layout.halt },
];
const resize = entryOf('volume-resize', 'intent-2');
const attached = { vm: 1 as VmId, host: HOST, address: node.address };

const wrongs: readonly [string, string, (world: World) => unknown][] = [
  ['V1', 'it has no image', ({ ceph }) => ceph.put(key, null)],
  ['V1', 'its image is a stranger’s', ({ ceph }) => ceph.put(key, { ...image, imageId: 'other' })],
  ['V1', 'there is half an image', ({ ceph }) => ceph.put(key, { ...image, state: 'half-made' })],
  [
    'V3',
    'its image is in the trash',
    ({ ceph }) => {
      ceph.toTrash(key, image);
      ceph.put(key, null);
    },
  ],
  ['V5', 'its image shrank', ({ ceph }) => ceph.put(key, { ...image, sizeBytes: GIB })],
  [
    'V4',
    'a disk is in a VM that nobody claims',
    ({ machines: [vm] }) => {
      vm!.nodes.set(disk, node);
      vm!.touched.add(disk);
    },
  ],
  [
    'V2',
    'its record went two revs at once',
    (world) => {
      put(world, laneOf(world, resize));
      put(world, {
        ...laneOf(world),
        [keysOf(world).volume]: { ...record, rev: 3, at: 9, lastIntent: 'intent-2' },
      });
    },
  ],
  [
    'C1',
    'its record changed without its lane',
    (world) => put(world, { [keysOf(world).volume]: { ...record, rev: 2 } }),
  ],
  [
    'C1',
    'an intent behind the head was begun',
    (world) => put(world, laneOf(world, resize, entryOf('volume-detach', 'intent-3', { attempt, turns: 1 }))),
  ],
  [
    'R2',
    'an intent is carried out that was refused',
    (world) => {
      world.refused.add('intent-2');
      put(world, laneOf(world, resize));
    },
  ],
  [
    'C5',
    'an intent is parked for no cause',
    (world) => put(world, laneOf(world, { ...resize, parked: { reason: 'invariant', detail: '', at: 1 } })),
  ],
  [
    'C5',
    'an intent is parked for trouble that nobody has made',
    (world) =>
      put(world, laneOf(world, { ...resize, parked: { reason: 'tries-exhausted', detail: '', at: 1 } })),
  ],
  ['B1', 'a step is tried without end', (world) => put(world, laneOf(world, { ...resize, tries: 14 }))],
  ['B2', 'it is not counted', (world) => put(world, { [keysOf(world).usage]: { volumes: 0, gib: 0 } })],
  ['R3', 'it has lost its name', (world) => put(world, { [keysOf(world).name]: null })],
  [
    'R3',
    'one key was used twice',
    (world) =>
      put(world, {
        [world.layout.action(account, 2 as never)]: {
          ...action,
          n: 2,
          intent: 'intent-2',
          kind: 'volume-resize',
        },
      }),
  ],
  [
    'R1',
    'what was promised is nowhere',
    (world) => world.acknowledge({ ...action, n: 3, intent: 'intent-9' } as never),
  ],
  ['V7', 'it is gone without a tombstone', (world) => put(world, { [keysOf(world).volume]: null })],
  ['V7', 'its id is taken again', (world) => put(world, { [keysOf(world).owner]: null })],
  [
    'V5',
    'billing is owed more than it has',
    (world) => put(world, { [keysOf(world).owed('intent-2')]: fact('intent-2', { ...record, sizeGib: 9 }) }),
  ],
  [
    'C6',
    'a process was fenced that beats',
    (world) => {
      put(world, { [world.layout.boot(boot)]: { boot, state: 'alive' } });
      writes(world, true, guards(world));
      put(world, { [world.layout.boot(boot)]: { boot, state: 'fencing' } });
    },
  ],
  [
    'C3',
    'a boot comes back that was fenced',
    (world) => {
      put(world, { [world.layout.boot(boot)]: { boot, state: 'fencing' } });
      put(world, { [world.layout.boot(boot)]: null });
      put(world, { [world.layout.boot(boot)]: { boot, state: 'alive' } });
    },
  ],
  [
    'C3',
    'a process writes that was fenced',
    (world) => {
      writes(world, false, guards(world));
      put(world, { [world.layout.tick]: '1', ...laneOf(world, resize) });
    },
  ],
  [
    'C3',
    'a process writes a lane whatever stands there',
    (world) => {
      writes(world, true, [...guards(world), { verb: 'set', key: world.layout.lane(resource), value: '' }]);
    },
  ],
  [
    'C3',
    'a process does not check its boot',
    (world) => writes(world, true, [{ verb: 'set', key: world.layout.tick, value: '1' }]),
  ],
  [
    'A4',
    'a process writes whether or not everything is halted',
    (world) => writes(world, true, [guards(world)[0]!, { verb: 'delete', key: world.layout.lane(resource) }]),
  ],
  [
    'B4',
    'a secret is stored',
    (world) => writes(world, true, [{ verb: 'set', key: world.layout.tick, value: SECRET }]),
  ],
];

describe('the invariants', () => {
  it('hold of a volume that is made as it must be, and of one that is grown', () => {
    const { world, invariants } = made();
    const keys = keysOf(world);
    put(world, { ...laneOf(world, resize), [keys.usage]: { volumes: 1, gib: 5 } });
    expect(invariants.broken()).toBeNull();
    put(world, { ...laneOf(world, { ...resize, attempt, turns: 1 }) });
    expect(invariants.broken()).toBeNull();
    const grown = { ...record, sizeGib: 5, rev: 2, at: 8, lastIntent: 'intent-2' } as unknown as VolumeRecord;
    world.ceph.put(key, { ...image, sizeBytes: 5 * GIB });
    put(world, { ...laneOf(world), [keys.volume]: grown, [keys.owed('intent-2')]: fact('intent-2', grown) });
    expect(invariants.broken()).toBeNull();
  });

  it.each(wrongs)('name %s when %s', (invariant, _what, spoil) => {
    const { world, invariants } = made();
    spoil(world);
    expect(invariants.broken()).toMatchObject({ invariant });
  });

  it.each([
    ['A3', 'nobody had a hand in it', () => undefined],
    [null, 'somebody had', ({ causes }: World) => causes.plant(EXAMPLE_VOLUME, 'ceph')],
    [
      'A3',
      'somebody had, but in what another source has',
      ({ causes }: World) => causes.plant(EXAMPLE_VOLUME, 'qemu'),
    ],
  ] as const)('name %s when the scrubber tells of an image and %s', (invariant, _what, cause) => {
    const { world, invariants } = made();
    cause(world);
    const told = { facet: 'ceph.image', key, class: 'different', volume: EXAMPLE_VOLUME };
    const at = world.layout.discrepancy(told.facet as never, key);
    put(world, { [at]: { ...told, state: 'seen-once' } });
    expect(invariants.broken()).toBeNull();
    put(world, { [at]: { ...told, state: 'confirmed' } });
    expect(invariants.broken()?.invariant ?? null).toBe(invariant);
    expect(world.causes.counts()).toMatchObject({ found: invariant === null ? 1 : 0, unjudged: 0 });
  });

  it('name V4 when a disk is plugged in beside somebody who had the image open before', () => {
    const { world } = made();
    const { ceph, guests, machines } = world;
    const [vm] = machines;
    vm!.nodes.set(disk, node);
    ceph.watch(key, node.address);
    ceph.watch(key, 'came later');
    guests.begin(vm!, disk);
    expect(world.mistakes).toEqual([]);
    ceph.unwatch(key, node.address);
    ceph.watch(key, node.address);
    guests.begin(vm!, disk);
    expect(world.mistakes).toMatchObject([{ invariant: 'V4' }]);
  });

  it('name C2 when a turn is taken from a boot that is not gone, and C4 when that one goes on', () => {
    const { world, invariants } = made();
    put(world, { [world.layout.boot(boot)]: { boot, state: 'alive' } });
    put(world, {
      ...laneOf(world, { ...resize, attempt, turns: 1 }),
      [keysOf(world).usage]: { volumes: 1, gib: 5 },
    });
    expect(invariants.broken()).toBeNull();
    const by = new KnownProcess(world, 'ceph', 'ceph-worker-1');
    const first = world.register.attemptOf(EXAMPLE_VOLUME, boot);
    const other = { boot: '2' as BootId, nonce: 'nonce-2', turn: 2 };
    put(world, laneOf(world, { ...resize, attempt: other, turns: 2 }));
    expect(invariants.broken()).toMatchObject({ invariant: 'C2' });
    const second = world.register.attemptOf(EXAMPLE_VOLUME, other.boot);
    world.operated({ by, attempt: second, source: 'ceph', key, changes: false });
    world.operated({ by, attempt: second, source: 'ceph', key, changes: true });
    expect(world.mistakes).toEqual([]);
    world.operated({ by, attempt: first, source: 'ceph', key, changes: true });
    expect(world.mistakes).toMatchObject([{ invariant: 'C4' }]);
  });

  it('name C4 when a turn is gone on with where the fence of whose it was has not arrived', async () => {
    const { world } = made();
    const from = new KnownProcess(world, 'ceph', 'ceph-worker-1');
    const by = new SimulatedProcess(world, 'ceph', 'ceph-worker-2');
    world.processes.push(from);
    put(world, laneOf(world, { ...resize, attempt, turns: 1 }));
    put(world, laneOf(world, { ...resize, attempt: { boot: '2' as BootId, nonce: 'nonce-2', turn: 2 } }));
    world.ceph.blocklist(from.address);
    const client = new ProcessClient(world, by, by.address);
    const turn = world.register.attemptOf(EXAMPLE_VOLUME, '2' as BootId);
    const operation = { key, what: 'sets a size', attempt: turn, fault: null, changes: true };
    const carriedOut = async (work: Promise<unknown>): Promise<void> => {
      while (await world.step());
      await work;
    };
    await carriedOut(client.operate({ ...operation, serve: () => null }));
    expect(world.mistakes).toMatchObject([{ invariant: 'C4' }]);
    await carriedOut(client.catchUp());
    await carriedOut(client.operate({ ...operation, serve: () => null }));
    expect(world.mistakes).toHaveLength(1);
  });

  it('name V4 when the guest of an older attachment writes after that of a newer one', async () => {
    const { world } = made();
    const { guests, ceph } = world;
    for (const address of ['older', 'newer']) guests.opens(address, key);
    for (const address of ['older', 'newer']) expect(await guests.write(address)).toBe(true);
    expect(world.mistakes).toEqual([]);
    await guests.write('older');
    expect(world.mistakes).toMatchObject([{ invariant: 'V4' }]);
    ceph.blocklist('older');
    guests.opens('newest', key);
    expect([await guests.write('newest'), await guests.write('older')]).toEqual([true, false]);
    expect(world.mistakes).toHaveLength(1);
  });

  it.each([
    ['V4', 'the record names another client than the VM has', 'another', true],
    ['A1', 'the VM has not got the disk that the record says it has', node.address, false],
  ] as const)('name %s when %s', (invariant, _what, address, isPlugged) => {
    const { world, invariants } = made();
    const keys = keysOf(world);
    const [vm] = world.machines;
    vm!.nodes.set(disk, node);
    if (isPlugged) vm!.devices.set(disk, { node: disk, state: 'plugged' });
    vm!.touched.add(disk);
    put(world, {
      ...laneOf(world, entryOf('volume-attach', 'intent-2')),
      [world.layout.vm(1 as VmId)]: { id: 1, slots: { [EXAMPLE_VOLUME]: 'reserved' } },
    });
    expect(invariants.broken()).toBeNull();
    put(world, {
      ...laneOf(world),
      [keys.volume]: {
        ...record,
        attachment: { ...attached, address },
        rev: 2,
        at: 8,
        lastIntent: 'intent-2',
      },
      [world.layout.vm(1 as VmId)]: { id: 1, slots: { [EXAMPLE_VOLUME]: 'attached' } },
    });
    expect(invariants.broken()).toMatchObject({ invariant });
  });
});
