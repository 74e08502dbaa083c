import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import type { ActionRecord, Brake, DiscrepancyRecord, Lane } from '@plumbline/domain';
import { ScrubDesk, connectRegistry } from '@plumbline/registry';
import * as tools from '@plumbline/stack';
import { ByHand, DRIFTS, System, lineFound, linesExpected } from '@plumbline/testing';
import type { Drift, VmName } from '@plumbline/testing';

const run = promisify(execFile);
const minuteMs = 60_000;
const scrubbers = ['scrubber-1', 'scrubber-2'];
/** One source of one pass may be wrong in ten places before repairs stop. */
const gone = 18;
const volumesInVm = 15;

/** A person with `rbd`, `psql` and a VM's monitor changes what the registry knows nothing of. */
describe('what is done behind the registry’s back', () => {
  let system: System;
  let hand: ByHand;

  beforeAll(async () => {
    system = await System.start(tools, { workers: { scrubber: 2 } });
    hand = new ByHand(system, tools);
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
    // Nor do they go on with a pass that another had half done: of that they would see the end only.
    await hand.put('scrub/status', null);
    await system.stack.restore();
  };

  const rbd = (...args: string[]) => hand.rbd(...args);
  const imageOf = (volume: string) => hand.imageOf(volume);
  const bytesOf = async (volume: string) => {
    const read = `rbd -c ${system.variable('CEPH_CONF')} export --no-progress ${imageOf(volume)} -`;
    return (await run('sh', ['-c', `${read} 2>/dev/null | head -c 4194304 | sha256sum`])).stdout;
  };
  const billed = async (volume: string) => {
    const sizes = await tools.query<{ size_gib: number | null }>(
      system.variable('DATABASE_URL'),
      `select size_gib from subscriptions where volume_id = '${volume}'`,
    );
    return sizes[0]?.size_gib;
  };
  const attach = (volume: string, to: VmName) =>
    system.act(volume, { type: 'attach', droplet_id: hand.vmId(to) });
  /** A volume that has lived as far as a drift is about; only an id, where it is about nobody's. */
  const lived = async ({ life, name }: Drift): Promise<string> => {
    if (life === 'none') return randomUUID();
    const volume = await system.create(name);
    if (life === 'attached') await attach(volume, 'VM');
    if (life === 'deleted') expect((await system.ask('DELETE', `/v2/volumes/${volume}`)).status).toBe(204);
    return volume;
  };

  const under = async <T>(prefix: string): Promise<readonly T[]> =>
    [...(await system.registry())]
      .filter(([key]) => key.startsWith(prefix))
      .map(([, { value }]) => value as T);
  const listed = () => under<DiscrepancyRecord>('discrepancies/');
  /** Where things stand, a line for each: `repaired ceph.image different image-trashed <volume>`. */
  const standing = async (): Promise<readonly string[]> => (await listed()).map(lineFound);
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
  const filedFor = async (volume: string) =>
    (await under<ActionRecord>('internal-actions/')).filter(({ resource }) => resource === `volume/${volume}`)
      .length;
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
        (await Promise.all(inVm.map((volume) => hand.hasDisk('VM_2', volume)))).every(Boolean);
      await tools.waitFor(attached, { what: 'all disks to be attached again', deadlineMs: minuteMs });
      for (const volume of inVm) expect(await filedFor(volume)).toBe(1);
      const [brake] = await tools.waitFor(async () => (await brakes()).length > 0 && (await brakes()), {
        what: 'the brake',
      });
      expect(await brakes()).toMatchObject([{ facet: 'ceph.image', why: 'share', wrong: gone, of: 60 }]);
      for (const volume of lost)
        expect([await filedFor(volume), await hand.isInTrash(volume)]).toEqual([0, true]);

      const first = await leader();
      await release(brake!);
      const begun = async () => (await Promise.all(lost.map(filedFor))).some((count) => count > 0);
      await tools.waitFor(begun, { what: 'the first repair', everyMs: 20 });
      await system.stack.kill(first);
      await cameTo(
        lost.map((volume) => `repaired ceph.image different image-trashed ${volume}`),
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
      const made = await Promise.all(DRIFTS.map(async (drift) => [drift, await lived(drift)] as const));
      const of = (name: string) => made.find(([one]) => one.name === name)?.[1] ?? '';
      expect(await system.disagreements()).toEqual([]);
      const write = ['--io-type', 'write', '--io-size', '4096', '--io-total', '4194304'];
      await rbd('bench', ...write, imageOf(of('trashed')));
      const [before, id] = [await bytesOf(of('trashed')), await hand.imageId(of('trashed'))];

      await whileNobodyLooks(async () => {
        for (const [drift, volume] of made) await drift.plant(hand, volume);
      });

      const lines = made.flatMap(([drift, volume]) => linesExpected(drift, volume));
      await cameTo(lines, 'everything to be as its remedy says');
      expect(await standing()).toHaveLength(lines.length + gone + 2 * volumesInVm);
      expect([await hand.imageId(of('trashed')), await bytesOf(of('trashed'))]).toEqual([id, before]);
      expect([await hand.imageId(of('removed')), await hand.isInTrash(of('removed'))]).toEqual([
        undefined,
        false,
      ]);
      for (const name of ['removed', 'replaced']) {
        const body = { type: 'resize', size_gigabytes: 2 };
        expect((await system.ask('POST', `/v2/volumes/${of(name)}/actions`, { body })).status).toBe(409);
        expect((await headOf(of(name)))?.kind).toBe('repair-image');
      }
      expect([await hand.imageId(of('left')), await hand.isInTrash(of('left'))]).toEqual([undefined, true]);
      expect(await hand.imageId(of('orphan'))).toBeDefined();
      expect(
        await Promise.all(['reopened', 'unbilled', 'overbilled'].map((name) => billed(of(name)))),
      ).toEqual([null, 1, 1]);
      const serial = system.variable('PLUMBLINE_VM_SERIAL');
      for (const name of ['unplugged', 'closed', 'driveless', 'elsewhere']) {
        const disk = (await tools.guestDisks(serial)).find(({ identity }) => identity.includes(name));
        expect(disk?.sizeGib).toBe(1);
        await tools.askGuest(serial, `echo works >/dev/${disk?.name} && sync`);
      }
      expect(await hand.hasDisk('VM', of('plugged'))).toBe(false);
      expect(await hand.hasDisk('VM_2', of('nobodys'))).toBe(true);
      for (const [{ expected, name }, volume] of made) {
        const isOnlyTold = expected.every(({ end }) => end === 'confirmed');
        expect([name, await filedFor(volume)]).toEqual([name, isOnlyTold ? 0 : 1]);
      }

      await whileNobodyLooks(async () => undefined, {
        PLUMBLINE_TRASH_KEPT_MS: '1000',
        PLUMBLINE_PURGE_EVERY_MS: '1000',
      });
      const deleted = [of('left'), of('reopened')];
      const tombstones = async () => (await under<{ id: string }>('tombstones/')).map(({ id: one }) => one);
      await tools.waitFor(async () => (await tombstones()).every((one) => !deleted.includes(one)), {
        what: 'what was deleted to be purged',
      });
      for (const volume of deleted) expect(await hand.isInTrash(volume)).toBe(false);
      const lasting = made.filter(([{ expected }]) => expected.some(({ end }) => end !== 'repaired'));
      const faulty = lasting.map(([, volume]) => volume);
      // Not all keys of the registry have the volume's id in them.
      for (const [{ expected, mend }, volume] of lasting)
        if (expected.every(({ facet }) => facet.startsWith('registry.'))) await mend?.(hand, volume);
      const others = (await system.disagreements([], 0)).filter(
        (line) => !faulty.some((one) => line.includes(one)),
      );
      expect(others).toEqual([]);
    },
    4 * minuteMs,
  );
});
