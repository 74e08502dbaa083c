import { execFile } from 'node:child_process';
import { open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import * as tools from '@plumbline/stack';
import { System } from '@plumbline/testing';
import dots from 'dots-wrapper';

const run = promisify(execFile);
const minuteMs = 60_000;
const mib = 1024 ** 2;
const written = 8 * 4096;
/** Where the guest writes: at the begin, and in what the volume did not have before it grew. */
const firstMib = 0;
const grownMib = 1536;

/** A whole life through the npm package that people script the DigitalOcean API with, watched from the guest. */
describe('a volume in the hands of dots-wrapper', () => {
  let system: System;
  let client: ReturnType<typeof dots.createApiClient>;

  beforeAll(async () => {
    system = await System.start(tools);
    const token = system.variable('PLUMBLINE_TOKEN');
    client = dots.createApiClient({ endpoint: `${system.variable('PLUMBLINE_URL')}/v2`, token });
  }, 3 * minuteMs);

  afterAll(() => system.stack.stop(), minuteMs);

  /** As its users do: by asking for the action again until it is no longer in progress. */
  const ended = async (action_id: number, volume_id: string): Promise<void> => {
    const action = await tools.waitFor(
      async () => {
        const { data } = await client.volume.getVolumeAction({ action_id, volume_id });
        return data.action.status !== 'in-progress' && data.action;
      },
      { what: `the end of action ${action_id}` },
    );
    const alike = await client.action.getAction({ action_id });
    expect([action.status, alike.data.action]).toEqual(['completed', action]);
    expect(action.completed_at).not.toBeNull();
  };
  const shown = async (volume_id: string) => (await client.volume.getVolume({ volume_id })).data.volume;
  const listed = async () => (await client.volume.listVolumes({ name: 'made-by-dots' })).data;
  const serial = () => system.variable('PLUMBLINE_VM_SERIAL');
  const guestDisk = (sizeGib: number) =>
    tools.waitFor(
      async () =>
        (await tools.guestDisks(serial())).find(
          (disk) => disk.identity.includes('made-by-dots') && disk.sizeGib === sizeGib,
        ),
      { what: `the disk of ${sizeGib} GiB in the guest` },
    );

  const textAt = (id: string, atMib: number) => `${id} at ${atMib} MiB\n`.repeat(2048).slice(0, written);
  const writeInGuest = async (id: string, disk: string, atMib: number): Promise<void> => {
    const made = `yes '${id} at ${atMib} MiB' | head -c ${written}`;
    await tools.askGuest(
      serial(),
      `${made} | dd of=/dev/${disk} bs=4096 seek=${atMib * 256} conv=fsync 2>/dev/null`,
    );
  };

  /** What `rbd export` finds in the image, past guest and product. */
  const readBack = async (id: string, offsetsMib: readonly number[]): Promise<readonly string[]> => {
    const file = join(tmpdir(), `export-${id}`);
    const image = `${system.variable('PLUMBLINE_POOL')}/volume-${id}`;
    try {
      await run('rbd', ['-c', system.variable('CEPH_CONF'), 'export', '--no-progress', image, file]);
      const handle = await open(file);
      try {
        const texts: string[] = [];
        for (const at of offsetsMib) {
          const { buffer } = await handle.read(Buffer.alloc(written), 0, written, at * mib);
          texts.push(buffer.toString('latin1'));
        }
        return texts;
      } finally {
        await handle.close();
      }
    } finally {
      await rm(file, { force: true });
    }
  };

  it(
    'is created, listed, attached, written to, grown under the guest, detached, read back and deleted',
    async () => {
      const droplet_id = Number(system.variable('PLUMBLINE_VM'));
      const wish = { ...system.wish('made-by-dots'), description: 'by dots', tags: ['a', 'b'] };
      const created = await client.volume.createVolume(wish);
      const { id } = created.data.volume;
      expect([created.status, created.data.volume]).toMatchObject([
        201,
        {
          name: 'made-by-dots',
          size_gigabytes: 1,
          droplet_ids: [],
          description: 'by dots',
          tags: ['a', 'b'],
        },
      ]);
      expect(await listed()).toMatchObject({
        volumes: [{ id, region: { slug: 'nyc1' } }],
        meta: { total: 1 },
      });

      const attach = await client.volume.attachVolumeToDroplet({ droplet_id, volume_id: id, region: 'nyc1' });
      await ended(attach.data.action.id, id);
      expect((await shown(id)).droplet_ids).toEqual([droplet_id]);
      expect((await client.droplet.getDroplet({ droplet_id })).data.droplet.volume_ids).toEqual([id]);
      const disk = await guestDisk(1);
      await writeInGuest(id, disk.name, firstMib);

      const grow = await client.volume.resizeVolume({ size_gigabytes: 2, volume_id: id, region: 'nyc1' });
      await ended(grow.data.action.id, id);
      expect((await shown(id)).size_gigabytes).toBe(2);
      expect(await guestDisk(2)).toMatchObject({ name: disk.name });
      await writeInGuest(id, disk.name, grownMib);
      expect(await system.disagreements()).toEqual([]);

      const detach = await client.volume.detachVolumeFromDroplet({
        droplet_id,
        volume_id: id,
        region: 'nyc1',
      });
      await ended(detach.data.action.id, id);
      expect((await shown(id)).droplet_ids).toEqual([]);
      await tools.waitFor(async () => (await tools.guestDisks(serial())).length === 0, {
        what: 'the disk to leave the guest',
      });
      const offsets = [firstMib, grownMib];
      expect(await readBack(id, offsets)).toEqual(offsets.map((at) => textAt(id, at)));
      const kinds = (await client.volume.listVolumeActions({ volume_id: id })).data.actions.map(
        ({ type }) => type,
      );
      expect(kinds).toEqual(['detach_volume', 'resize_volume', 'attach_volume', 'create_volume']);

      expect((await client.volume.deleteVolume({ volume_id: id })).status).toBe(204);
      await expect(client.volume.getVolume({ volume_id: id })).rejects.toMatchObject({
        response: { status: 404 },
      });
      expect(await listed()).toMatchObject({ volumes: [], meta: { total: 0 } });
      expect(await system.disagreements()).toEqual([]);
      expect(await system.images()).toEqual([]);
    },
    2 * minuteMs,
  );

  it(
    'leaves a trail of each intent through api and workers, by its ids',
    async () => {
      const id = await system.create('trailed');
      expect((await system.ask('DELETE', `/v2/volumes/${id}`)).status).toBe(204);
      expect(await system.disagreements()).toEqual([]);
      const linesOf = (name: string) =>
        system
          .logged(name)
          .split('\n')
          .filter((line) => line.includes(id))
          .map((line) => JSON.parse(line) as Record<string, unknown>);
      const trail = [...linesOf('api'), ...linesOf('ceph-worker-1')];
      const recorded = trail.filter(({ msg }) => msg === 'intent recorded');
      expect(recorded.map(({ kind }) => kind)).toEqual(['volume-create', 'volume-delete']);
      for (const { intentId, kind, requestId, resource } of recorded) {
        const committed = { msg: 'intent committed', intentId, kind, requestId, resource, attempt: 1 };
        expect(trail).toContainEqual(expect.objectContaining(committed));
      }
    },
    minuteMs,
  );

  it(
    'tells its users what was refused, by status and words',
    async () => {
      const wish = system.wish('refused-by-dots');
      await client.volume.createVolume(wish);
      const again = client.volume.createVolume(wish);
      await expect(again).rejects.toMatchObject({
        response: {
          status: 409,
          data: { id: 'conflict', message: expect.stringContaining('already exists') },
        },
      });
      const named = await client.volume.deleteVolumeByName({ volume_name: wish.name, region: wish.region });
      expect(named.status).toBe(204);
      expect(await system.disagreements()).toEqual([]);
    },
    minuteMs,
  );
});
