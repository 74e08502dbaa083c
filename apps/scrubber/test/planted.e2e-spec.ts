import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import { nodeNameOf, parseVolumeId } from '@plumbline/domain';
import type { Brake, DiscrepancyRecord, Lane } from '@plumbline/domain';
import { ScrubDesk, connectRegistry } from '@plumbline/registry';
import * as tools from '@plumbline/stack';
import { System } from '@plumbline/testing';
import pg from 'pg';

const run = promisify(execFile);
const minuteMs = 60_000;
const scrubbers = ['scrubber-1', 'scrubber-2'];
/** One source of one pass may be wrong in ten places before repairs stop. */
const gone = 18;
const volumesInVm = 15;

/** A person with `rbd`, `psql` and a VM's monitor changes what the registry knows nothing of. */
describe('what is done behind the registry’s back', () => {
  let system: System;

  beforeAll(async () => {
    system = await System.start(tools, { workers: { scrubber: 2 } });
  }, 3 * minuteMs);

  afterAll(() => system.stack.stop(), minuteMs);

  /** Scrubbers that begin after that have not seen anything of it happen. */
  const whileNobodyLooks = async (work: () => Promise<void>, told: Record<string, string> = {}) => {
    for (const name of scrubbers) {
      await system.stack.halt(name);
      system.stack.override(name, {
        PLUMBLINE_SCRUB_EVERY_MS: '1000',
        PLUMBLINE_SCRUB_PER_SECOND: '10000',
        ...told,
      });
    }
    await work();
    await system.stack.restore();
  };

  const pool = () => system.variable('PLUMBLINE_POOL');
  const imageOf = (volume: string) => `${pool()}/volume-${volume}`;
  const rbd = async (...args: string[]) =>
    (await run('rbd', ['-c', system.variable('CEPH_CONF'), ...args])).stdout;
  const imageId = async (volume: string) =>
    (await tools.imageInfo(system.variable('CEPH_CONF'), pool(), `volume-${volume}`))?.id;
  const isInTrash = async (volume: string) =>
    (await tools.trashEntries(system.variable('CEPH_CONF'), pool())).some(
      ({ name }) => name === `volume-${volume}`,
    );
  const bytesOf = async (volume: string) => {
    const read = `rbd -c ${system.variable('CEPH_CONF')} export --no-progress ${imageOf(volume)} -`;
    return (await run('sh', ['-c', `${read} 2>/dev/null | head -c 4194304 | sha256sum`])).stdout;
  };

  const sql = async (text: string, ...values: unknown[]): Promise<void> => {
    const client = new pg.Client(system.variable('DATABASE_URL'));
    await client.connect();
    try {
      expect((await client.query(text, values)).rowCount).toBe(1);
    } finally {
      await client.end();
    }
  };
  const billed = async (volume: string) => {
    const sizes = await tools.query<{ size_gib: number | null }>(
      system.variable('DATABASE_URL'),
      `select size_gib from subscriptions where volume_id = '${volume}'`,
    );
    return sizes[0]?.size_gib;
  };

  const vm = (name: 'VM' | 'VM_2') => ({
    id: Number(system.variable(`PLUMBLINE_${name}`)),
    qmp: <T>(command: string, args: Record<string, unknown> = {}) =>
      tools.askQemu<T>(system.variable(`PLUMBLINE_${name}_TOOLS`), command, args),
    serial: system.variable(`PLUMBLINE_${name}_SERIAL`),
  });
  const nodeOf = (volume: string) => nodeNameOf(parseVolumeId(volume)!);
  const attach = (volume: string, to: 'VM' | 'VM_2') =>
    system.act(volume, { type: 'attach', droplet_id: vm(to).id });
  /** As the product does it, but for nobody. */
  const plugIn = async (name: 'VM' | 'VM_2', volume: string, image: string): Promise<void> => {
    const [{ qmp }, node] = [vm(name), nodeOf(volume)];
    const conf = system.variable('CEPH_CONF');
    const file = { driver: 'rbd', pool: pool(), image, conf, user: 'plumbline-vm' };
    await qmp('blockdev-add', { driver: 'raw', 'node-name': node, file });
    await qmp('device_add', { driver: 'scsi-hd', bus: 'scsi0.0', id: node, drive: node });
  };
  const unplug = async (name: 'VM' | 'VM_2', volume: string): Promise<void> => {
    await vm(name).qmp('device_del', { id: nodeOf(volume) });
    await tools.waitFor(async () => !(await hasDisk(name, volume)), { what: 'the disk to be gone' });
  };
  const closeNode = (name: 'VM' | 'VM_2', volume: string) =>
    vm(name).qmp('blockdev-del', { 'node-name': nodeOf(volume) });
  const disksOf = async (name: 'VM' | 'VM_2') =>
    (await tools.vmDisks(system.variable(`PLUMBLINE_${name}_TOOLS`))).map(({ node }) => node);
  const hasDisk = async (name: 'VM' | 'VM_2', volume: string) =>
    (await disksOf(name)).includes(nodeOf(volume));

  const under = async <T>(prefix: string): Promise<readonly T[]> =>
    [...(await system.registry())]
      .filter(([key]) => key.startsWith(prefix))
      .map(([, { value }]) => value as T);
  const listed = () => under<DiscrepancyRecord>('discrepancies/');
  /** Where things stand, a line for each: `repaired image-trashed <volume>`. */
  const standing = async (): Promise<readonly string[]> =>
    (await listed()).map(({ key, parked, remedy, state, volume }) =>
      [state === 'parked' ? `parked:${parked}` : state, remedy.name, volume ?? key].join(' '),
    );
  const cameTo = async (lines: readonly string[], what: string): Promise<void> => {
    const missing = async () => {
      const now = await standing();
      return lines.filter((line) => !now.includes(line));
    };
    await tools
      .waitFor(async () => (await missing()).length === 0, { what, deadlineMs: minuteMs, everyMs: 250 })
      .catch(async (error: unknown) => {
        throw new Error(`not so: ${(await missing()).join(', ')}; but ${(await standing()).join(', ')}`, {
          cause: error,
        });
      });
  };
  const headOf = async (volume: string) => (await under<Lane>(`lanes/volume/${volume}`))[0]?.entries[0];
  const filedFor = async (volume: string) => (await under(`internal-volume-actions/${volume}/`)).length;
  const brakes = () => under<Brake>('scrub/brakes/');

  const release = async (brake: Brake): Promise<void> => {
    const registry = await connectRegistry({
      consulAddr: system.variable('CONSUL_HTTP_ADDR'),
      prefix: 'plumbline/',
      boot: { name: 'operator', app: 'test', host: null, version: '0' },
      onFenced: () => undefined,
      onClockAhead: () => undefined,
    });
    const word = { by: 'a person', reason: 'all of them are in the trash', at: Date.now() };
    await new ScrubDesk(registry).release(brake.facet, word);
    await registry.close();
  };
  const leader = async (): Promise<string> => {
    const key = JSON.stringify((await system.registry()).get('scrub/leader')?.value);
    for (const name of scrubbers)
      for (const boot of await system.bootsOf(name)) if (key.includes(boot)) return name;
    throw new Error('nobody leads');
  };

  it(
    'attaches again what a restarted VM has lost, holds back when a third of the images is gone, and repairs on a word, once, even if the leader dies',
    async () => {
      const images = (await system.recordMany('many', 60 - volumesInVm)).map(({ volume }) => volume);
      const inVm = (await system.recordMany('in-vm', volumesInVm)).map(({ volume }) => volume);
      expect(await system.disagreements()).toEqual([]);
      await Promise.all(inVm.map((volume) => attach(volume, 'VM_2')));
      const lost = images.slice(0, gone);
      await whileNobodyLooks(async () => {
        await system.stack.kill('vm-2');
        for (const volume of lost) await rbd('trash', 'mv', imageOf(volume));
      });
      const attached = async () =>
        (await Promise.all(inVm.map((volume) => hasDisk('VM_2', volume)))).every(Boolean);
      await tools.waitFor(attached, { what: 'all disks to be attached again', deadlineMs: minuteMs });
      for (const volume of inVm) expect(await filedFor(volume)).toBe(1);
      const [brake] = await tools.waitFor(async () => (await brakes()).length > 0 && (await brakes()), {
        what: 'the brake',
      });
      expect(await brakes()).toMatchObject([{ facet: 'ceph.image', why: 'share', wrong: gone, of: 60 }]);
      for (const volume of lost) expect([await filedFor(volume), await isInTrash(volume)]).toEqual([0, true]);

      const first = await leader();
      await release(brake!);
      const begun = async () => (await Promise.all(lost.map(filedFor))).some((count) => count > 0);
      await tools.waitFor(begun, { what: 'the first repair', everyMs: 20 });
      await system.stack.kill(first);
      await cameTo(
        lost.map((volume) => `repaired image-trashed ${volume}`),
        'all images to be back',
      );
      expect(await leader()).not.toBe(first);
      for (const volume of lost) expect(await filedFor(volume)).toBe(1);
      await system.stack.restore();
      expect(await brakes()).toEqual([]);
      expect(await system.disagreements()).toEqual([]);
    },
    4 * minuteMs,
  );

  it(
    'repairs, parks or reports whatever else is found, each as its remedy says, and purges what is long deleted',
    async () => {
      const names =
        'trashed removed replaced shrunk left reopened unbilled overbilled unplugged closed plugged'.split(
          ' ',
        );
      const made = await Promise.all(names.map(async (name) => [name, await system.create(name)] as const));
      const of = (name: string) => made.find(([one]) => one === name)?.[1] ?? '';
      for (const name of ['unplugged', 'closed']) await attach(of(name), 'VM');
      for (const name of ['left', 'reopened'])
        expect((await system.ask('DELETE', `/v2/volumes/${of(name)}`)).status).toBe(204);
      expect(await system.disagreements()).toEqual([]);
      await rbd(
        'bench',
        '--io-type',
        'write',
        '--io-size',
        '4096',
        '--io-total',
        '4194304',
        imageOf(of('trashed')),
      );
      const [before, id] = [await bytesOf(of('trashed')), await imageId(of('trashed'))];
      const [orphan, nobodys] = [randomUUID(), randomUUID()];

      await whileNobodyLooks(async () => {
        await rbd('trash', 'mv', imageOf(of('trashed')));
        for (const name of ['removed', 'replaced']) await rbd('rm', '--no-progress', imageOf(of(name)));
        for (const volume of [of('replaced'), orphan]) await rbd('create', '--size', '1G', imageOf(volume));
        await rbd('create', '--size', '1G', `${pool()}/by-hand`);
        await rbd('resize', '--no-progress', '--allow-shrink', '--size', '512M', imageOf(of('shrunk')));
        await tools.restoreFromTrash(system.variable('CEPH_CONF'), pool(), `volume-${of('left')}`);
        await sql('DELETE FROM subscriptions WHERE volume_id = $1', of('unbilled'));
        await sql('UPDATE subscriptions SET size_gib = 9 WHERE volume_id = $1', of('overbilled'));
        await sql('UPDATE subscriptions SET size_gib = 1 WHERE volume_id = $1', of('reopened'));
        await sql(
          'INSERT INTO subscriptions (volume_id, account_id, rev, at, size_gib) VALUES ($1, $2, 1, now(), 1)',
          nobodys,
          randomUUID(),
        );
        for (const name of ['unplugged', 'closed']) await unplug('VM', of(name));
        await closeNode('VM', of('closed'));
        await plugIn('VM', of('plugged'), `volume-${of('plugged')}`);
        await plugIn('VM_2', nobodys, 'by-hand');
      });

      await cameTo(
        [
          `repaired image-trashed ${of('trashed')}`,
          `parked:image-missing image-missing ${of('removed')}`,
          `parked:stranger image-another ${of('replaced')}`,
          `confirmed image-damaged ${of('shrunk')}`,
          `repaired image-left ${of('left')}`,
          `confirmed image-unknown ${orphan}`,
          `confirmed image-unknown ${pool()}/by-hand`,
          `repaired subscription-left ${of('reopened')}`,
          `repaired subscription-missing ${of('unbilled')}`,
          `repaired subscription-different ${of('overbilled')}`,
          `confirmed subscription-unknown ${nobodys}`,
          `repaired device-lost ${of('unplugged')}`,
          `repaired device-lost ${of('closed')}`,
          `repaired node-lost ${of('closed')}`,
          `repaired device-left ${of('plugged')}`,
          `repaired node-left ${of('plugged')}`,
          `confirmed device-unknown ${nobodys}`,
          `confirmed node-unknown ${nobodys}`,
        ],
        'everything to be as its remedy says',
      );
      expect(await standing()).toHaveLength(18 + gone + 2 * volumesInVm);
      expect([await imageId(of('trashed')), await bytesOf(of('trashed'))]).toEqual([id, before]);
      expect([await imageId(of('removed')), await isInTrash(of('removed'))]).toEqual([undefined, false]);
      for (const name of ['removed', 'replaced']) {
        const body = { type: 'resize', size_gigabytes: 2 };
        expect((await system.ask('POST', `/v2/volumes/${of(name)}/actions`, { body })).status).toBe(409);
        expect((await headOf(of(name)))?.kind).toBe('repair-image');
      }
      expect([await imageId(of('left')), await isInTrash(of('left'))]).toEqual([undefined, true]);
      expect(await imageId(orphan)).toBeDefined();
      expect(
        await Promise.all(['reopened', 'unbilled', 'overbilled'].map((name) => billed(of(name)))),
      ).toEqual([null, 1, 1]);
      for (const name of ['unplugged', 'closed']) {
        const disk = (await tools.guestDisks(vm('VM').serial)).find(({ identity }) =>
          identity.includes(name),
        );
        expect(disk?.sizeGib).toBe(1);
        await tools.askGuest(vm('VM').serial, `echo works >/dev/${disk?.name} && sync`);
      }
      expect(await hasDisk('VM', of('plugged'))).toBe(false);
      expect(await hasDisk('VM_2', nobodys)).toBe(true);
      for (const [name, volume] of made)
        expect([name, await filedFor(volume)]).toEqual([name, name === 'shrunk' ? 0 : 1]);

      await whileNobodyLooks(async () => undefined, {
        PLUMBLINE_TRASH_KEPT_MS: '1000',
        PLUMBLINE_PURGE_EVERY_MS: '1000',
      });
      const deleted = [of('left'), of('reopened')];
      const tombstones = async () => (await under<{ id: string }>('tombstones/')).map(({ id: one }) => one);
      await tools.waitFor(async () => (await tombstones()).every((one) => !deleted.includes(one)), {
        what: 'what was deleted to be purged',
      });
      for (const volume of deleted) expect(await isInTrash(volume)).toBe(false);
      const faulty = [of('removed'), of('replaced'), of('shrunk'), orphan, nobodys, 'by-hand'];
      const others = (await system.disagreements([], 0)).filter(
        (line) => !faulty.some((one) => line.includes(one)),
      );
      expect(others).toEqual([]);
    },
    4 * minuteMs,
  );
});
