import { UncertainError, inspect } from '@plumbline/domain';
import type { Part } from '@plumbline/domain';
import { FakeQemu, diskOf } from '@plumbline/testing';
import { GIB, errorOf, expectSoon, listed, pool, world } from './testing/world.js';

describe('a VM that is dead, sleeps, or has a dead disk', () => {
  it('has no disks when it is dead, takes none, and has lost them all when it is back', async () => {
    const { qemu, vm, client, under } = world();
    const alive = qemu.addVm(2);
    const [one, two] = [diskOf(under), diskOf({ ...under, vm: alive.id })];
    for (const disk of [one, two]) {
      qemu.images.resize(pool, disk.image, GIB);
      await disk.node.become(disk.want(1));
    }
    vm.kill();
    await expectSoon(() => one.node.look(), null);
    expect(await one.device.look()).toBeNull();
    // Whoever asks whether something is wrong is not told that its disks are.
    for (const facet of ['qemu.node', 'qemu.device'] as const) {
      const asked = inspect(client.facets.get(facet)!, one.place, AbortSignal.timeout(1_000));
      expect(await errorOf(asked)).toMatchObject({ name: 'HeldError', reason: 'vm-dead' });
    }
    expect(await errorOf(one.node.once(one.want(1)))).toMatchObject({
      name: 'RejectedError',
      reason: 'vm-dead',
    });
    expect(await two.node.look()).not.toBeNull();
    await client.ping(AbortSignal.timeout(1_000));
    expect(await listed(client, 'qemu.node')).toEqual([two.place.key]);
    vm.restart();
    await expectSoon(() => one.node.look(), null);
    expect(await listed(client, 'qemu.node')).toEqual([two.place.key]);
    expect(await one.node.become(one.want(1))).not.toBeNull();
  });

  it('is proven to have let go of an image by its own word alone: dead, restarted or asked again it proves nothing', async () => {
    const { vm, disk } = world();
    const one = disk();
    await one.node.become(one.want(1));
    expect(await one.node.once(null)).toEqual({ seen: null });
    expect(await one.node.once(null)).toEqual({ seen: null, lost: true });
    await one.node.become(one.want(1));
    vm.restart();
    await expectSoon(() => one.node.look(), null);
    expect(await one.node.once(null)).toEqual({ seen: null, lost: true });
    vm.kill();
    await expectSoon(() => one.node.look(), null);
    expect(await one.node.once(null)).toEqual({ seen: null, lost: true });
  });

  it('never counts as dead while it is only paused, however long', async () => {
    const { vm, disk } = world();
    const one = disk();
    await one.node.become(one.want(1));
    vm.pause();
    for (let asked = 0; asked < 5; asked += 1)
      expect(await errorOf(one.node.look())).toMatchObject({ name: 'HeldError' });
    vm.resume();
    await expectSoon(() => one.node.look(), { pool, image: one.image, sizeBytes: GIB });
  });

  it('is left out of a listing while it does not answer, and told of; who would not hear of it is told nothing', async () => {
    const { qemu, vm, client, under } = world();
    const awake = qemu.addVm(2);
    const [one, two] = [diskOf(under), diskOf({ ...under, vm: awake.id })];
    for (const made of [one, two]) {
      qemu.images.resize(pool, made.image, GIB);
      await made.node.become(made.want(1));
    }
    vm.pause();
    const unasked: Part[] = [];
    const keys: string[] = [];
    const nodes = client.facets.get('qemu.node')!;
    for await (const { key } of nodes.list(AbortSignal.timeout(5_000), (part) => unasked.push(part)))
      keys.push(key);
    expect({ keys, unasked }).toEqual({
      keys: [two.place.key],
      unasked: [{ host: under.host, under: '1/' }],
    });
    await expect(listed(client, 'qemu.node')).rejects.toThrow();
    vm.resume();
    await expectSoon(() => one.node.look(), { pool, image: one.image, sizeBytes: GIB });
    expect((await listed(client, 'qemu.node')).sort()).toEqual([one.place.key, two.place.key].sort());
  });

  describe('with a disk whose client is fenced', () => {
    const withDeadDisk = async () => {
      const made = world();
      const dead = made.disk();
      await dead.node.become(dead.want(1));
      await dead.device.become({ name: 'dead' });
      made.vm.machine.cutOff(dead.name);
      return { ...made, dead };
    };

    it('takes the dead disk away, and has it anew', async () => {
      const { dead } = await withDeadDisk();
      expect(await dead.device.become(null)).toBeNull();
      expect(await dead.node.look()).toMatchObject({ unreadable: true });
      expect(await dead.node.become(null)).toBeNull();
      expect(await dead.node.become(dead.want(1))).toMatchObject({ image: dead.image, sizeBytes: GIB });
    });

    it('takes, grows and lets go of other disks as ever', async () => {
      const { disk, qemu } = await withDeadDisk();
      const other = disk();
      expect(await other.node.become(other.want(1))).toEqual({ pool, image: other.image, sizeBytes: GIB });
      // Whoever comes to it a second time cannot tell what it is, and opens it anew.
      expect(await other.node.become(other.want(1))).toEqual({ pool, image: other.image, sizeBytes: GIB });
      await other.device.become({ name: 'other' });
      qemu.images.resize(pool, other.image, 2 * GIB);
      expect(await other.node.become({ grownToGib: 2 })).toMatchObject({ sizeBytes: 2 * GIB });
      await other.device.become(null);
      expect(await other.node.once(null)).toEqual({ seen: null });
    });

    it('says of the dead disk that it cannot be grown, and what to do', async () => {
      const { dead, qemu } = await withDeadDisk();
      qemu.images.resize(pool, dead.image, 2 * GIB);
      expect(await errorOf(dead.node.once({ grownToGib: 2 }))).toMatchObject({
        name: 'RejectedError',
        reason: 'node-dead',
      });
      expect(qemu.images.sizeBytes(pool, dead.image)).toBe(2 * GIB);
    });
  });

  it('is changed by nobody whose turn may be over, with the monitor in hand', async () => {
    let standing = true;
    const asked: (string | null)[] = [];
    const qemu = new FakeQemu({
      fate: ({ command }) => {
        asked.push(command);
        return null;
      },
    });
    const mayChange = async () => {
      asked.push('may I?');
      if (!standing) throw new UncertainError('fenced', { reason: 'fenced' });
    };
    const { vm, disk } = world({ qemu, more: { mayChange } });
    const one = disk();
    await one.node.become(one.want(1));
    expect(asked[asked.indexOf('blockdev-add') - 1]).toBe('may I?');
    standing = false;
    expect(await errorOf(one.node.once(null))).toMatchObject({ reason: 'fenced' });
    expect(vm.machine.openImages()).toHaveLength(1);
    await one.node.idle();
    standing = true;
    expect(await one.node.once(null)).toEqual({ seen: null });
  });

  it('is not changed after all by what had to wait for leave too long', async () => {
    let allow = () => {};
    const leave = new Promise<void>((resolve) => (allow = resolve));
    const { vm, disk } = world({ more: { mayChange: () => leave } });
    const one = disk();
    expect(await errorOf(one.node.once(one.want(1)))).toMatchObject({ name: 'HeldError' });
    allow();
    await one.node.idle();
    expect(await one.node.look()).toBeNull();
    expect(vm.machine.openImages()).toEqual([]);
  });
});
