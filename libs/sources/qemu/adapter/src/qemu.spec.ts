import { InvariantError, TransientError, UncertainError } from '@plumbline/domain';
import type { Json } from '@plumbline/domain';
import { FakeQemu, describeQemu } from '@plumbline/testing';
import type { CommandFate } from '@plumbline/testing';
import { array, assert, asyncProperty, constantFrom } from 'fast-check';
import { GIB, errorOf, expectSoon, listed, pool, world } from './testing/world.js';

describeQemu('fake VMs', async () => world().under);

describe('a monitor with bad manners', () => {
  it.each(['blockdev-add', 'device_add', 'device_del', 'blockdev-del'])(
    'leaves %s uncertain when its reply is lost, and doing it again ends as once',
    async (command) => {
      for (const fate of ['lose-reply', 'lose-request', 'late'] as const) {
        const { qemu, vm, disk } = world();
        const one = disk();
        const whole = async () => {
          await one.node.become(one.want(1));
          await one.device.become({ name: 'n' });
          await one.device.become(null);
          await one.node.become(null);
        };
        qemu.next(command, fate);
        await expect(whole()).rejects.toThrow(UncertainError);
        await one.node.idle();
        await whole();
        expect(vm.machine.openImages()).toEqual([]);
        expect(vm.machine.guestDisks()).toEqual([]);
      }
    },
  );

  it('ends with one node and one device whatever becomes of each command', async () => {
    const fates = constantFrom<CommandFate | null>(
      null,
      null,
      'lose-request',
      'lose-reply',
      'late',
      'refuse',
    );
    await assert(
      asyncProperty(array(fates, { maxLength: 120, size: 'max' }), async (drawn) => {
        const upcoming = [...drawn];
        const next = () => upcoming.shift() ?? null;
        const qemu = new FakeQemu({
          fate({ command }) {
            // Negotiating is spared: each failure there doubles the pause before the next connection.
            const fate = command === 'qmp_capabilities' ? null : next();
            // A node that may not show what its image has is broken for good, and that is told.
            return command === 'block_resize' && fate === 'refuse' ? null : fate;
          },
        });
        const { vm, client, disk } = world({ qemu });
        const one = disk(1);
        const trying = async (step: () => Promise<Json>) => {
          for (let tries = 0; tries < 200; tries += 1) {
            const error = await errorOf(step());
            if (!(error instanceof TransientError || error instanceof UncertainError)) return error;
            await new Promise((resolve) => setTimeout(resolve, 1));
          }
          throw new Error('tried too often');
        };
        await trying(() => one.node.become(one.want(1)));
        qemu.images.resize(pool, one.image, 3 * GIB);
        await trying(() => one.device.become({ name: 'n' }));
        await trying(() => one.node.become({ grownToGib: 2 }));
        expect(vm.machine.guestDisks()).toEqual([{ volumeName: 'n', sizeBytes: 3 * GIB }]);
        await trying(() => one.device.become(null));
        await trying(() => one.node.become(null));
        expect(vm.machine.openImages()).toEqual([]);
        expect(qemu.images.sizeBytes(pool, one.image)).toBe(3 * GIB);
        await client.close();
      }),
      { numRuns: 25 },
    );
  }, 60_000);

  it('is idle after a lost change only once that has landed', async () => {
    const { qemu, vm, disk } = world();
    const one = disk();
    qemu.next('blockdev-add', 'late');
    await expect(one.node.become(one.want(1))).rejects.toThrow(UncertainError);
    expect(vm.machine.openImages()).toEqual([]);
    await one.node.idle();
    expect(vm.machine.openImages()).toHaveLength(1);
  });

  it('never takes a late reply to an earlier connection for its own', async () => {
    const { qemu, disk } = world();
    const [one, two] = [disk(), disk()];
    qemu.next('blockdev-add', 'late');
    await expect(one.node.become(one.want(1))).rejects.toThrow(UncertainError);
    expect(await two.node.look()).toBeNull();
    expect(await one.node.look()).toMatchObject({ image: one.image });
  });

  it('keeps asking for a disk whose guest never lets go, which stays plugged in until the VM restarts', async () => {
    const { vm, disk } = world();
    const one = disk();
    await one.node.become(one.want(1));
    await one.device.become({ name: 'n' });
    vm.machine.unplugs = 'ignored';
    expect(await one.device.once(null)).toEqual({ waitMs: expect.any(Number) });
    expect(await one.device.once(null)).toEqual({ waitMs: expect.any(Number) });
    expect(await one.device.look()).toEqual({ node: one.name, state: 'plugged' });
    vm.restart();
    expect(await one.device.become(null)).toBeNull();
  });

  it('does not call a disk gone that still has its node, though QEMU has forgotten its name', async () => {
    const { vm, client, disk } = world();
    const one = disk();
    await one.node.become(one.want(1));
    await one.device.become({ name: 'n' });
    vm.machine.unplugs = 'lingering';
    expect(await one.device.once(null)).toEqual({ waitMs: expect.any(Number) });
    expect(await one.device.look()).toEqual({ node: one.name, state: 'leaving' });
    expect(await listed(client, 'qemu.device')).toEqual([one.place.key]);
    await expect(one.node.become(null)).rejects.toThrow(TransientError);
    const gone = one.device.become(null);
    vm.machine.letGo();
    expect(await gone).toBeNull();
    expect(await one.node.become(null)).toBeNull();
  });

  it('believes no picture whose halves do not fit: a disk that comes while it looks is not one that goes', async () => {
    let meanwhile = () => {};
    const fate = ({ command }: { command: string }) => {
      if (command === 'query-block') meanwhile();
      return null;
    };
    const { vm, disk } = world({ qemu: new FakeQemu({ fate }) });
    const one = disk();
    await one.node.become(one.want(1));
    meanwhile = () =>
      void vm.machine.carryOut('device_add', {
        bus: 'scsi0.0',
        id: one.name,
        drive: one.name,
        device_id: 'n',
      });
    expect(await one.device.look()).toEqual({ node: one.name, state: 'plugged' });
  });

  it('plugs in anew a device whose drive was pulled', async () => {
    const { vm, disk } = world();
    const one = disk();
    await one.node.become(one.want(1));
    await one.device.become({ name: 'n' });
    vm.machine.pullDrive(one.name);
    expect(await one.device.look()).toEqual({ node: '', state: 'driveless' });
    expect(await one.device.become({ name: 'n' })).toEqual({ node: one.name, state: 'plugged' });
  });
});

describe('a VM that does not answer', () => {
  it('leaves a change uncertain while Ceph is silent, begins nothing after it, and is idle once it has landed', async () => {
    const { qemu, disk } = world();
    const [one, two] = [disk(), disk()];
    await two.node.look();
    qemu.silenceCeph();
    const stuck = errorOf(one.node.become(one.want(1)));
    const behind = errorOf(two.node.become(two.want(1)));
    expect(await stuck).toBeInstanceOf(UncertainError);
    expect(await behind).toBeInstanceOf(TransientError);
    let isIdle = false;
    const idle = one.node.idle().then(() => (isIdle = true));
    await two.node.idle();
    expect(isIdle).toBe(false);
    qemu.wakeCeph();
    await idle;
    expect(await one.node.look()).toMatchObject({ image: one.image });
    expect(await two.node.look()).toBeNull();
  });

  it('asks the guard before every change, and changes nothing when Ceph is silent', async () => {
    let isSilent = false;
    const mayOpenImages = async () => {
      if (isSilent) throw new Error('no answer');
    };
    const { vm, disk } = world({ more: { mayOpenImages } });
    const [one, two] = [disk(), disk()];
    await one.node.become(one.want(1));
    isSilent = true;
    for (const step of [
      () => one.device.become({ name: 'n' }),
      () => one.node.become(null),
      () => two.node.become(two.want(1)),
    ]) {
      expect(await errorOf(step())).toMatchObject({ name: 'HeldError', reason: 'ceph-silent' });
    }
    expect(vm.machine.openImages()).toHaveLength(1);
  });

  it('is asked nothing that would make it wait for Ceph, when its nodes are all in use', async () => {
    const { qemu, vm, client, disk } = world();
    const one = disk();
    await one.node.become(one.want(1));
    await one.device.become({ name: 'n' });
    qemu.silenceCeph();
    expect(await one.node.look()).toMatchObject({ image: one.image });
    expect(await one.device.look()).toMatchObject({ state: 'plugged' });
    expect(await listed(client, 'qemu.node')).toEqual([one.place.key]);
    expect(vm.stuckOn).toBeNull();
  });

  it('is out of reach while another client has its monitor, and at once in reach when that leaves', async () => {
    const { vm, disk } = world();
    const leave = vm.occupy();
    const one = disk();
    expect(await errorOf(one.node.look())).toMatchObject({
      name: 'HeldError',
      reason: 'vm-unreachable',
    });
    leave();
    await expectSoon(() => one.node.look(), null);
  });

  it('changes nothing while it is paused', async () => {
    const { vm, disk } = world();
    const one = disk();
    await one.node.look();
    vm.pause();
    expect(await errorOf(one.node.look())).toBeInstanceOf(TransientError);
    expect(await errorOf(one.node.become(one.want(1)))).toBeInstanceOf(TransientError);
    await one.node.idle();
    vm.resume();
    await expectSoon(() => one.node.look(), null);
  });

  it('ends the wait for a lost change when nobody listens any more', async () => {
    const { qemu, vm, disk } = world();
    const one = disk();
    await one.node.look();
    qemu.silenceCeph();
    const change = errorOf(one.node.become(one.want(1)));
    while (vm.stuckOn === null) await new Promise((resolve) => setImmediate(resolve));
    vm.kill();
    expect(await change).toBeInstanceOf(UncertainError);
    await one.node.idle();
    vm.restart();
    await expectSoon(() => one.node.look(), null);
  });
});

describe("strangers' things", () => {
  it('refuses to open an image that the VM has open under another name', async () => {
    const { qemu, vm, disk } = world();
    const one = disk();
    openByHand(vm.machine, { name: 'by-hand', image: one.image });
    await expect(one.node.become(one.want(1))).rejects.toThrow(InvariantError);
    expect(vm.machine.openImages()).toHaveLength(1);
    expect(qemu.images.sizeBytes(pool, one.image)).toBe(GIB);
  });

  it('lists them last', async () => {
    const { vm, client, disk } = world();
    const disks = [disk(), disk(), disk()];
    for (const one of disks) await one.node.become(one.want(1));
    const [first] = disks;
    openByHand(vm.machine, { name: 'by-hand', image: first!.image });
    const ours = disks.toSorted((a, b) => (a.volume < b.volume ? -1 : 1)).map(({ place }) => place.key);
    expect(await listed(client, 'qemu.node')).toEqual([...ours, '1/by-hand']);
    vm.machine.carryOut('device_add', { bus: 'scsi0.0', id: 'mine', drive: 'by-hand', device_id: 'x' });
    expect(await listed(client, 'qemu.device')).toEqual(['1/mine']);
  });

  it('leaves alone a device of its name that is on another node', async () => {
    const { vm, disk } = world();
    const one = disk();
    openByHand(vm.machine, { name: 'by-hand', image: one.image });
    vm.machine.carryOut('device_add', { bus: 'scsi0.0', id: one.name, drive: 'by-hand', device_id: 'x' });
    expect(await one.device.look()).toEqual({ node: 'by-hand', state: 'astray' });
    await expect(one.device.become(null)).rejects.toThrow(InvariantError);
    await expect(one.device.become({ name: 'n' })).rejects.toThrow(InvariantError);
  });
});

function openByHand(
  machine: { carryOut(command: string, args: Record<string, unknown>): unknown },
  { name, image }: { name: string; image: string },
): void {
  machine.carryOut('blockdev-add', {
    driver: 'raw',
    'node-name': name,
    file: { driver: 'rbd', pool, image },
  });
}

/** Waits until asking succeeds; a monitor that was away is not dialled again at once. */
