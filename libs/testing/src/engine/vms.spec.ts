import { imageNameOf, poolOf } from '@plumbline/domain';
import type { ActionRecord, Json, VmId } from '@plumbline/domain';
import { waitsForHost } from '@plumbline/engine';
import { EXAMPLE_VOLUME, intentCatalog } from '@plumbline/intents';
import { diskPlaceOf } from '@plumbline/qemu-facets';
import { expectAgreement } from './describe-intent.js';
import { EngineWorld, HOST, NYC1, OTHER_VM, VM } from './engine-world.js';
import type { Fates, WriteFate } from './engine-world.js';
import type { CallFate, MemorySources } from './memory-sources.js';

const resource = `volume/${EXAMPLE_VOLUME}` as const;
const image = { pool: poolOf(NYC1), image: imageNameOf(EXAMPLE_VOLUME) };
const exampleOf = (kind: string) => intentCatalog.get(kind)?.example ?? null;
const into = (vm: VmId): Json => ({ ...(exampleOf('volume-attach') as object), vm });
const outOf = (vm: VmId): Json => ({ ...(exampleOf('volume-detach') as object), vm });
/** More rounds than anything takes that is not held up. */
const PATIENCE_ROUNDS = 30;

/** A world with a volume that is a disk of the first VM. */
async function attached(fates: Fates = {}): Promise<EngineWorld> {
  const world = await EngineWorld.open(fates);
  await carriedOut(world, 'volume-create', exampleOf('volume-create'));
  await carriedOut(world, 'volume-attach', into(VM));
  return world;
}

async function carriedOut(world: EngineWorld, kind: string, params: Json): Promise<ActionRecord> {
  const action = await world.admit(kind, params);
  expect(await world.settle(resource)).toBe(true);
  const ended = await world.action(action);
  expect(ended.status).toBe('completed');
  return ended;
}

/** Looked at again and again, it neither ends nor costs a try. */
async function expectHeldUp(world: EngineWorld): Promise<void> {
  for (let round = 0; round < PATIENCE_ROUNDS; round += 1) await world.look(resource);
  const { lane } = await world.snapshot(resource);
  expect(lane?.entries[0]).toMatchObject({ parked: null, tries: 0 });
}

const addressOf = async (world: EngineWorld): Promise<string | undefined> =>
  (await world.snapshot(resource)).record?.attachment?.address;

describe('a disk is gone by proof only', () => {
  it('lets a VM that closes it for us go on unfenced', async () => {
    const world = await attached();
    await carriedOut(world, 'volume-detach', outOf(VM));
    expect([...world.sources.blocklist]).toEqual([]);
  });

  it('fences the client of a VM that is dead, and the volume can be deleted', async () => {
    const world = await attached();
    const address = await addressOf(world);
    world.sources.killVm(VM);
    await carriedOut(world, 'volume-detach', outOf(VM));
    expect([...world.sources.blocklist]).toEqual([address]);
    await carriedOut(world, 'volume-delete', exampleOf('volume-delete'));
    await expectAgreement(world);
  });

  it('fences the client of a VM that was restarted: the process that had the disk may sleep somewhere', async () => {
    const world = await attached();
    const address = await addressOf(world);
    world.sources.killVm(VM);
    world.sources.wakeVm(VM);
    await carriedOut(world, 'volume-detach', outOf(VM));
    expect([...world.sources.blocklist]).toEqual([address]);
    await expectAgreement(world);
  });

  it('waits for a VM that is paused, and attaches the volume nowhere else meanwhile', async () => {
    const world = await attached();
    world.sources.pauseVm(VM);
    const detach = await world.admit('volume-detach', outOf(VM));
    await expectHeldUp(world);
    const attach = await world.admit('volume-attach', into(OTHER_VM));
    await expectHeldUp(world);
    expect((await world.snapshot(resource)).record?.attachment?.vm).toBe(VM);
    world.sources.wakeVm(VM);
    await world.settle(resource);
    expect([...world.sources.blocklist]).toEqual([]);
    for (const action of [detach, attach]) expect((await world.action(action)).status).toBe('completed');
    expect(world.sources.writersOf(image)).toEqual([OTHER_VM]);
    await expectAgreement(world);
  });

  it('takes a disk from a paused VM on a host that is away, which can write no more when it wakes', async () => {
    const world = await attached();
    world.sources.pauseVm(VM);
    world.hostsAway.add(HOST);
    await carriedOut(world, 'volume-detach', outOf(VM));
    const attach = await world.admit('volume-attach', into(OTHER_VM));
    await expectHeldUp(world); // Building waits for the host.
    expect(world.sources.writersOf(image)).toEqual([]);
    world.hostsAway.delete(HOST);
    await world.settle(resource);
    expect((await world.action(attach)).status).toBe('completed');
    world.sources.wakeVm(VM);
    expect(world.sources.writersOf(image)).toEqual([OTHER_VM]);
    await carriedOut(world, 'volume-detach', outOf(OTHER_VM));
    // The dead disk is still in the first VM, and is made anew with a client of its own.
    await carriedOut(world, 'volume-attach', into(VM));
    expect(world.sources.writersOf(image)).toEqual([VM]);
    await expectAgreement(world);
  });

  it('refuses to attach to a VM that is dead, and leaves nothing behind', async () => {
    const world = await EngineWorld.open();
    await carriedOut(world, 'volume-create', exampleOf('volume-create'));
    world.sources.killVm(VM);
    const attach = await world.admit('volume-attach', into(VM));
    await world.settle(resource);
    expect(await world.action(attach)).toMatchObject({
      status: 'errored',
      message: 'The VM is not running.',
    });
    await expectAgreement(world);
  });

  it('grows a volume whose VM is dead', async () => {
    const world = await attached();
    world.sources.killVm(VM);
    await carriedOut(world, 'volume-resize', exampleOf('volume-resize'));
    expect((await world.snapshot(resource)).record?.sizeGib).toBe(5);
  });
});

it('rings nobody in vain for what is to be built on a host that is away', async () => {
  let interrupted = false;
  const world = await EngineWorld.open({
    calls: (n) => {
      if (n !== 2 || interrupted) return 'served';
      interrupted = true;
      return 'transient';
    },
  });
  await carriedOut(world, 'volume-create', exampleOf('volume-create'));
  await world.admit('volume-attach', into(VM));
  while (!interrupted) await world.look(resource);
  const { lane } = await world.snapshot(resource);
  if (lane === null) throw new Error('the attach has ended');
  expect(waitsForHost(lane, { isHostAway: () => true, isHostGivenUp: () => false })).toBe(true);
  expect(waitsForHost(lane, { isHostAway: () => false, isHostGivenUp: () => false })).toBe(false);
  world.hostsAway.add(HOST);
  const rings = world.rings.length;
  for (let round = 0; round < PATIENCE_ROUNDS; round += 1) await world.look(resource);
  expect(world.rings.length).toBe(rings);
});

describe('a host that is given up', () => {
  const lose = ({ hostsAway, hostsGivenUp, sources }: EngineWorld): void => {
    sources.killVm(VM);
    hostsAway.add(HOST);
    hostsGivenUp.add(HOST);
  };

  type Asked = readonly [string, Json];
  const create: Asked = ['volume-create', exampleOf('volume-create')];
  const attach: Asked = ['volume-attach', into(VM)];
  const resize: Asked = ['volume-resize', exampleOf('volume-resize')];
  const key = diskPlaceOf({ vm: VM, host: HOST, volume: EXAMPLE_VOLUME }).key;
  const leaveOver = ({ sources }: EngineWorld): void =>
    void sources.nodes.set(key, { ...image, sizeBytes: 1, address: '127.0.0.1:0/99' });

  /** The host is lost in that call of what is asked last, which ends so; null: the calls are counted. */
  const lostAt = async (
    at: number | null,
    {
      before,
      asked,
      fate,
      leftOver,
    }: { before: readonly Asked[]; asked: Asked; fate: CallFate; leftOver: boolean },
  ) => {
    let calls = 0;
    const begun: EngineWorld[] = [];
    const befalls = (): CallFate => {
      if (begun.length === 0 || ++calls !== at) return 'served';
      begun.forEach(lose);
      return fate;
    };
    const world = await EngineWorld.open({ calls: befalls });
    for (const [kind, params] of before) await carriedOut(world, kind, params);
    if (leftOver) leaveOver(world);
    begun.push(world);
    const action = await world.admit(...asked);
    expect(await world.settle(resource)).toBe(true);
    return { world, calls, ended: await world.action(action) };
  };

  it.each<[string, Parameters<typeof lostAt>[1]]>([
    ['an attach', { before: [create], asked: attach, fate: 'transient', leftOver: false }],
    [
      'an attach that has cleared the place',
      { before: [create], asked: attach, fate: 'transient', leftOver: true },
    ],
    [
      'an attach whose answers are lost',
      { before: [create], asked: attach, fate: 'lost-after', leftOver: true },
    ],
    ['a resize', { before: [create, attach], asked: resize, fate: 'transient', leftOver: false }],
    [
      'a resize whose answers are lost',
      { before: [create, attach], asked: resize, fate: 'lost-after', leftOver: false },
    ],
  ])('ends %s, wherever it was, and the volume can be detached and deleted', async (_what, story) => {
    const { calls } = await lostAt(null, story);
    expect(calls).toBeGreaterThan(1);
    for (let at = 1; at <= calls; at += 1) {
      const { world, ended } = await lostAt(at, story);
      expect(ended).toMatchObject({
        status: 'errored',
        message: expect.stringMatching(/^The (host of the Droplet does not answer|VM is not running)\.$/),
      });
      if (story.asked === resize) await carriedOut(world, 'volume-detach', outOf(VM));
      await carriedOut(world, 'volume-delete', exampleOf('volume-delete'));
      await expectAgreement(world);
    }
  });

  it('keeps no volume from others by a node that was added and never noted', async () => {
    let lost = false;
    const begun: EngineWorld[] = [];
    const world = await EngineWorld.open({
      calls: () => {
        const [of] = begun;
        if (of === undefined || lost || of.sources.nodes.size > 0) return 'served';
        return 'lost-after';
      },
    });
    await carriedOut(world, ...create);
    begun.push(world);
    const action = await world.admit(...attach);
    while (world.sources.nodes.size === 0) await world.look(resource);
    lost = true;
    world.hostsAway.add(HOST);
    world.hostsGivenUp.add(HOST);
    const [node] = [...world.sources.nodes.values()];
    expect(await world.settle(resource)).toBe(true);
    expect((await world.action(action)).status).toBe('errored');
    expect([...world.sources.blocklist]).toEqual([node?.address]);
    await carriedOut(world, 'volume-delete', exampleOf('volume-delete'));
    expect(world.sources.writersOf(image)).toEqual([]);
  });

  it('is not waited for by what is asked then either', async () => {
    const world = await EngineWorld.open();
    await carriedOut(world, ...create);
    lose(world);
    const action = await world.admit(...attach);
    expect(await world.settle(resource)).toBe(true);
    expect(await world.action(action)).toMatchObject({
      status: 'errored',
      message: 'The host of the Droplet does not answer.',
    });
  });
});

describe('what is left over in a VM', () => {
  const { key } = diskPlaceOf({ vm: VM, host: HOST, volume: EXAMPLE_VOLUME });
  const node = { ...image, sizeBytes: 1, address: '127.0.0.1:0/99' };

  it.each<[string, (sources: MemorySources) => void]>([
    [
      'a device without its block node',
      ({ devices }) => void devices.set(key, { node: '', state: 'driveless' }),
    ],
    ['a block node without its device', ({ nodes }) => void nodes.set(key, node)],
  ])('is taken away by the next attach: %s', async (_what, leaveOver) => {
    const world = await EngineWorld.open();
    await carriedOut(world, 'volume-create', exampleOf('volume-create'));
    leaveOver(world.sources);
    await carriedOut(world, 'volume-attach', into(VM));
    expect(await addressOf(world)).not.toBe(node.address);
    expect(world.sources.writersOf(image)).toEqual([VM]);
    await expectAgreement(world);
  });
});

describe('an attach that is taken back', () => {
  /** Calls of an attach that is told after a create: its node is the second to change anything, its device the third. */
  const [NODE, DEVICE] = [2, 3];

  const interruptedAt = async (call: number, befall: (world: EngineWorld) => void) => {
    const befallen: EngineWorld[] = [];
    const calls = (n: number): CallFate => {
      if (n === call) befallen.forEach(befall);
      return 'served';
    };
    const world = await EngineWorld.open({ calls });
    befallen.push(world);
    await carriedOut(world, 'volume-create', exampleOf('volume-create'));
    const attach = await world.admit('volume-attach', into(VM));
    await world.settle(resource);
    return { world, attach };
  };

  it('fences the client whose address is in the ledger when the VM dies before it gets the disk', async () => {
    const { world, attach } = await interruptedAt(DEVICE, ({ sources }) => sources.killVm(VM));
    expect((await world.action(attach)).status).toBe('errored');
    expect(world.sources.blocklist.size).toBe(1);
    await expectAgreement(world);
  });

  it('needs no fence where no address was noted, because no guest could write', async () => {
    const { world, attach } = await interruptedAt(NODE, ({ sources }) => sources.killVm(VM));
    expect((await world.action(attach)).status).toBe('errored');
    expect(world.sources.blocklist.size).toBe(0);
    await expectAgreement(world);
  });

  it('is taken back as a fence when its host goes away in the middle', async () => {
    const { world, attach } = await interruptedAt(DEVICE, ({ sources, hostsAway }) => {
      sources.killVm(VM);
      hostsAway.add(HOST);
    });
    expect((await world.action(attach)).status).toBe('errored');
    expect(world.sources.blocklist.size).toBe(1);
    await expectAgreement(world);
  });
});

describe.each(['dead', 'away'])('detaching from a VM that is %s', (how) => {
  const CALL_FATES: readonly CallFate[] = [
    'transient',
    'lost-before',
    'lost-after',
    'crash-before',
    'crash-after',
  ];
  const WRITE_FATES: readonly WriteFate[] = ['refused', 'lost', 'crash-before', 'crash-after', 'answer-lost'];

  const detached = async (fates: Fates) => {
    const world = await attached(fates);
    const before = { calls: world.sources.calls, writes: world.writes };
    const address = await addressOf(world);
    if (how === 'dead') world.sources.killVm(VM);
    else {
      world.sources.pauseVm(VM);
      world.hostsAway.add(HOST);
    }
    await carriedOut(world, 'volume-detach', outOf(VM));
    world.hostsAway.delete(HOST);
    expect([...world.sources.blocklist]).toEqual([address]);
    expect(world.sources.writersOf(image)).toEqual([]);
    return { before, after: { calls: world.sources.calls, writes: world.writes } };
  };

  it('ends as if nothing had happened whatever befalls any one call or write', async () => {
    const { before, after } = await detached({});
    expect(after.calls).toBeGreaterThan(before.calls);
    for (let at = before.calls + 1; at <= after.calls; at += 1)
      for (const fate of CALL_FATES) await detached({ calls: (n) => (n === at ? fate : 'served') });
    for (let at = before.writes + 1; at <= after.writes; at += 1)
      for (const fate of WRITE_FATES) await detached({ writes: (n) => (n === at ? fate : 'served') });
  });
});
