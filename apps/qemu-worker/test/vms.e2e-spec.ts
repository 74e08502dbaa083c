import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import * as tools from '@plumbline/stack';
import { System } from '@plumbline/testing';

const minuteMs = 60_000;
/** A dead client's watch on an image runs out after thirty seconds: what comes well before that has not waited for it. */
const watchMs = 30_000;
/** A host counts as lost when nobody has lived there for a minute. */
const hostLostMs = 3 * minuteMs;
/** So much of a disk is written and looked at. */
const blocks = 64;
const blockBytes = 4096;
/** Long enough for several tries of a worker. */
const patienceMs = 12_000;

describe('VMs that die, sleep or are lost with their host', () => {
  let system: System;

  beforeAll(async () => {
    system = await System.start(tools);
  }, 3 * minuteMs);

  afterAll(() => system.stack.stop(), minuteMs);

  const vm = (name: 'vm-1' | 'vm-2') => {
    const prefix = name === 'vm-1' ? 'PLUMBLINE_VM' : 'PLUMBLINE_VM_2';
    return { droplet_id: Number(system.variable(prefix)), serial: system.variable(`${prefix}_SERIAL`) };
  };

  const attach = (volume: string, name: 'vm-1' | 'vm-2') =>
    system.act(volume, { type: 'attach', droplet_id: vm(name).droplet_id });

  const attachBegun = (volume: string, name: 'vm-1' | 'vm-2') =>
    system.begin(volume, { type: 'attach', droplet_id: vm(name).droplet_id });

  const detachBegun = (volume: string, name: 'vm-1' | 'vm-2') =>
    system.begin(volume, { type: 'detach', droplet_id: vm(name).droplet_id });

  /** Where a guest sees a volume, which it knows by its name. */
  const diskIn = async (serial: string, volume: string): Promise<string> => {
    let found = '';
    await tools.waitFor(
      async () => {
        const disks = await tools.guestDisks(serial);
        found = disks.find(({ identity }) => identity.includes(volume))?.name ?? '';
        return found !== '';
      },
      { what: 'the disk in the guest' },
    );
    return found;
  };

  const writing = (letter: string, disk: string) =>
    `tr '\\0' '${letter}' </dev/zero | dd of=/dev/${disk} bs=${blockBytes} count=${blocks} iflag=fullblock conv=fsync 2>/dev/null`;

  const write = async (serial: string, volume: string, letter: string): Promise<void> => {
    await tools.askGuest(serial, writing(letter, await diskIn(serial, volume)));
  };

  /** What stands at the image's beginning, read from Ceph itself: the letters that are there. */
  const lettersOf = async (volume: string): Promise<string> => {
    const image = `${system.variable('PLUMBLINE_POOL')}/volume-${volume}`;
    const read = `rbd -c ${system.variable('CEPH_CONF')} export --no-progress ${image} - 2>/dev/null`;
    const { stdout } = await promisify(execFile)('sh', [
      '-c',
      `${read} | head -c ${blocks * blockBytes} | fold -w 1 | sort -u | tr -d '\\n'`,
    ]);
    return stdout;
  };

  const headOf = async (volume: string) =>
    (await system.lanes()).find(({ resource }) => resource === `volume/${volume}`)?.entries[0];

  /** An intent that is worked at for a while: it neither ends, nor loses patience. */
  const expectPending = async (volume: string): Promise<void> => {
    const before = (await headOf(volume))?.turns ?? 0;
    await new Promise((resolve) => setTimeout(resolve, patienceMs));
    await tools.waitFor(async () => ((await headOf(volume))?.turns ?? 0) > before + 1, {
      what: 'more than one turn',
    });
    expect(await headOf(volume)).toMatchObject({ parked: null, tries: 0 });
  };

  const isInTrash = async (volume: string): Promise<boolean> =>
    (await system.images()).every(({ name }) => name !== `volume-${volume}`);

  it(
    'lets go of a volume when its VM is killed, and its image goes without waiting for the dead client’s watch',
    async () => {
      const volume = await system.create('killed');
      await attach(volume, 'vm-1');
      await write(vm('vm-1').serial, 'killed', 'A');
      await system.stack.kill('vm-1');
      const began = performance.now();
      await system.completed([await detachBegun(volume, 'vm-1')]);
      expect((await system.ask('DELETE', `/v2/volumes/${volume}`)).status).toBe(204);
      await tools.waitFor(() => isInTrash(volume), { what: 'the image in the trash' });
      expect(performance.now() - began).toBeLessThan(watchMs / 2);
      await system.stack.restore();
      expect(await system.disagreements()).toEqual([]);
    },
    2 * minuteMs,
  );

  it(
    'keeps its record when a VM is restarted, gives it its disks again, and detaches and attaches anew',
    async () => {
      const volume = await system.create('restarted');
      await attach(volume, 'vm-2');
      await write(vm('vm-2').serial, 'restarted', 'A');
      await system.stack.kill('vm-2');
      await system.stack.restore();
      expect((await system.volume(volume)).droplet_ids).toEqual([vm('vm-2').droplet_id]);
      // The next pass is a minute away, and looks twice.
      const isBack = async () =>
        (await tools.guestDisks(vm('vm-2').serial)).some(({ identity }) => identity.includes('restarted'));
      await tools.waitFor(isBack, { what: 'the disk in the guest again', deadlineMs: 2 * minuteMs });
      await write(vm('vm-2').serial, 'restarted', 'C');
      expect(await lettersOf(volume)).toBe('C');
      await system.completed([await detachBegun(volume, 'vm-2')]);
      await attach(volume, 'vm-2');
      await write(vm('vm-2').serial, 'restarted', 'B');
      expect(await lettersOf(volume)).toBe('B');
      await system.completed([await detachBegun(volume, 'vm-2')]);
      expect(await system.disagreements()).toEqual([]);
    },
    5 * minuteMs,
  );

  /** What is said of a VM that has failed of late; undefined: nothing. Null: of the whole host. */
  const breakerOf = async (vm: string | null) => {
    type Breaker = { part: string | null; state: string; failures: number };
    const { body } = await system.operate<{ throttle: { workers: { breakers: Breaker[] }[] } }>(
      'GET',
      'throttles/qemu-host-a',
    );
    return body.throttle.workers.flatMap(({ breakers }) => breakers).find(({ part }) => part === vm);
  };

  it(
    'waits for a VM that is paused, for as long as somebody lives on its host, and for no other one',
    async () => {
      const [part, label] = [`vm-${vm('vm-1').droplet_id}`, `part="vm-${vm('vm-1').droplet_id}"`];
      const volume = await system.create('patient');
      const others = await Promise.all(['two', 'three', 'four', 'five'].map((name) => system.create(name)));
      await attach(volume, 'vm-1');
      system.stack.pause('vm-1');
      let waiting: readonly number[] = [];
      try {
        waiting = [
          await detachBegun(volume, 'vm-1'),
          ...(await Promise.all(others.map((other) => attachBegun(other, 'vm-1')))),
        ];
        await tools.waitFor(async () => (await breakerOf(part))?.state === 'open', {
          what: 'the VM’s breaker to open',
        });
        expect(await system.metric('qemu-worker', 'plumbline_breaker_state', [label])).toBeGreaterThan(0);
        const meanwhile = await system.create('meanwhile');
        await attach(meanwhile, 'vm-2');
        await system.completed([await detachBegun(meanwhile, 'vm-2')]);
        const failures = (await breakerOf(part))?.failures ?? 0;
        await tools.waitFor(async () => ((await breakerOf(part))?.failures ?? 0) > failures + 1, {
          what: 'the VM to be tried again, twice',
        });
        for (const one of [volume, ...others])
          expect(await headOf(one)).toMatchObject({ parked: null, tries: 0 });
      } finally {
        system.stack.resume('vm-1');
      }
      expect((await system.volume(volume)).droplet_ids).toEqual([vm('vm-1').droplet_id]);
      await system.completed(waiting);
      await tools.waitFor(async () => (await breakerOf(part)) === undefined, {
        what: 'the VM’s breaker to close',
      });
      expect(await breakerOf(null)).toMatchObject({ state: 'closed' });
      for (const other of others) await system.completed([await detachBegun(other, 'vm-1')]);
      expect(await system.disagreements()).toEqual([]);
    },
    4 * minuteMs,
  );

  it(
    'takes a volume from a paused VM whose host is lost by a fence: what wakes can write no more, and may be given it anew',
    async () => {
      const [one, two] = [vm('vm-1'), vm('vm-2')];
      const [busy, quiet] = [await system.create('busy'), await system.create('quiet')];
      for (const volume of [busy, quiet]) await attach(volume, 'vm-1');
      await write(one.serial, 'quiet', 'A');
      const disk = await diskIn(one.serial, 'busy');
      await tools.askGuest(
        one.serial,
        `(while true; do ${writing('A', disk)} || echo failed >>/failed; done) &`,
      );
      await tools.waitFor(async () => (await lettersOf(busy)) === 'A', { what: 'the guest’s writes' });
      await system.stack.kill('qemu-worker');
      system.stack.pause('vm-1');
      try {
        const detaching = [busy, quiet].map((volume) => detachBegun(volume, 'vm-1'));
        await system.completed(await Promise.all(detaching), hostLostMs);
        await system.stack.begin('qemu-worker');
        for (const volume of [busy, quiet]) await attach(volume, 'vm-2');
        await write(two.serial, 'busy', 'B');
        expect(await lettersOf(busy)).toBe('B');
      } finally {
        system.stack.resume('vm-1');
      }
      // Nobody has written to this one meanwhile: librbd itself would have shut out a sleeper then, and only then.
      await expect(write(one.serial, 'quiet', 'C')).rejects.toThrow(/ended with/);
      expect(await lettersOf(quiet)).toBe('A');
      await tools.waitFor(async () => (await tools.askGuest(one.serial, 'cat /failed || true')) !== '', {
        what: 'writes that fail in the guest that woke',
        deadlineMs: 2 * minuteMs,
      });
      expect(await lettersOf(busy)).toBe('B');
      await tools.askGuest(one.serial, 'kill $(jobs -p); true');
      // The dead disks are still in the first VM: they are taken away and made anew, with clients that may write.
      for (const volume of [busy, quiet]) {
        await system.completed([await detachBegun(volume, 'vm-2')]);
        await attach(volume, 'vm-1');
      }
      await write(one.serial, 'busy', 'D');
      expect(await lettersOf(busy)).toBe('D');
      for (const volume of [busy, quiet]) await system.completed([await detachBegun(volume, 'vm-1')]);
      expect(await system.disagreements()).toEqual([]);
    },
    8 * minuteMs,
  );

  it(
    'loses no patience while another worker of its host has the monitors',
    async () => {
      await system.stack.begin('qemu-worker', 'qemu-worker-b');
      for (let round = 0; round < 3; round += 1) {
        const volume = await system.create(`two-workers-${round}`);
        await attach(volume, round % 2 === 0 ? 'vm-1' : 'vm-2');
        await system.completed([await detachBegun(volume, round % 2 === 0 ? 'vm-1' : 'vm-2')]);
      }
      system.stack.pause('qemu-worker');
      const volume = await system.create('held');
      const action = await system.begin(volume, { type: 'attach', droplet_id: vm('vm-1').droplet_id });
      try {
        await expectPending(volume);
      } finally {
        system.stack.resume('qemu-worker');
      }
      await system.completed([action]);
      await system.completed([await detachBegun(volume, 'vm-1')]);
      await system.stack.halt('qemu-worker-b');
      await system.stack.restore();
      expect(await system.disagreements()).toEqual([]);
    },
    5 * minuteMs,
  );
});
