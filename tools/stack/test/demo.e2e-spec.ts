import { chmodSync, existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { run } from '../src/run.js';
import {
  ApiClient,
  askGuest,
  askQemu,
  consulValue,
  imageNames,
  lookAt,
  progressTo,
  recordKey,
  runDemo,
  startStack,
  trashEntries,
  vmDisks,
  waitFor,
  type RunningStack,
  type Sayings,
  type Source,
} from '../src/index.js';

const minuteMs = 60_000;

describe('the demo', () => {
  let stack: RunningStack;
  let api: ApiClient;
  let printed = '';

  beforeAll(async () => {
    const data = mkdtempSync(join(tmpdir(), 'plumbline-demo-'));
    chmodSync(data, 0o755); // PostgreSQL runs as a user of its own and has to get in.
    const progress = progressTo((text) => (printed += text));
    stack = await startStack({ ephemeral: true, data, progress });
    api = new ApiClient(stack.env['PLUMBLINE_URL']!, stack.env['PLUMBLINE_TOKEN']!);
  }, 3 * minuteMs);

  afterAll(async () => {
    await stack.stop();
    expect(existsSync(stack.stack.layout.data)).toBe(false);
  }, minuteMs);

  const volumes = async () => (await api.ask<{ volumes: { id: string }[] }>('GET', '/v2/volumes')).volumes;
  const attached = async (name: string): Promise<{ id: string; name: string }> => {
    const body = { name, size_gigabytes: 1, region: stack.env['PLUMBLINE_REGION'] };
    const { volume } = await api.ask<{ volume: { id: string } }>('POST', '/v2/volumes', body);
    const attach = { type: 'attach', droplet_id: Number(stack.env['PLUMBLINE_VM']) };
    await api.ask('POST', `/v2/volumes/${volume.id}/actions`, attach);
    return { id: volume.id, name };
  };

  it(
    'lives through a volume with all sources in agreement, and leaves nothing behind, nor what an interrupted one left',
    async () => {
      const { id, name } = await attached('plumbline-demo');
      await waitFor(async () => (await lookAt(stack.stack, { id, name })).guest !== 'no disk', {
        what: 'the disk in the guest',
      });
      printed = '';
      expect([await runDemo(stack.stack), printed]).toEqual([true, expect.stringContaining('All sources')]);
      expect(printed.match(/ agrees /g)).toHaveLength(5 * 5 + 3);
      expect(printed).not.toContain('DIFFERS');
      const { CEPH_CONF: conf = '', PLUMBLINE_POOL: pool = '' } = stack.env;
      const left = [await volumes(), await imageNames(conf, pool), await trashEntries(conf, pool)];
      expect(left).toEqual([[], [], []]);
    },
    2 * minuteMs,
  );

  it(
    'reads each source by itself: what is altered in one by hand changes its column alone',
    async () => {
      const volume = await attached('altered');
      const { CEPH_CONF: conf = '', PLUMBLINE_POOL: pool = '', CONSUL_HTTP_ADDR: consul = '' } = stack.env;
      const { PLUMBLINE_VM_SERIAL: serial = '', PLUMBLINE_VM_TOOLS: monitor = '' } = stack.env;
      const settled: Sayings = {
        consul: 'record of 1 GiB, attached to vm-1',
        ceph: 'image of 1 GiB',
        qemu: 'disk of 1 GiB in vm-1',
        guest: 'disk of 1 GiB in vm-1',
        postgres: 'subscription of 1 GiB',
      };
      let before = settled;
      await waitFor(async () => same(await lookAt(stack.stack, volume), settled), { what: 'agreement' });
      const altering = async (source: Source, says: string, alter: () => Promise<unknown>) => {
        await alter();
        const expected = { ...before, [source]: says };
        await waitFor(async () => (await lookAt(stack.stack, volume))[source] === says, {
          what: `${source} to say "${says}"`,
          deadlineMs: 10_000,
        }).catch(() => undefined);
        expect(await lookAt(stack.stack, volume)).toEqual(expected);
        before = expected;
      };

      await altering('ceph', 'image of 3 GiB', () =>
        run('rbd', ['-c', conf, 'resize', '--no-progress', '--size', '3G', `${pool}/volume-${volume.id}`]),
      );
      await altering('postgres', 'subscription of 7 GiB', async () => {
        const client = new pg.Client(stack.env['DATABASE_URL']);
        await client.connect();
        await client.query('UPDATE subscriptions SET size_gib = 7 WHERE volume_id = $1', [volume.id]);
        await client.end();
      });
      await altering('consul', 'record of 9 GiB, attached to vm-1', async () => {
        const key = recordKey(stack.stack, volume);
        const record = await consulValue<object>(consul, key);
        const body = JSON.stringify({ ...record, sizeGib: 9 });
        await fetch(`${consul}/v1/kv/${key}`, { method: 'PUT', body });
      });
      // First the guest lets go of a disk that it still has; then QEMU takes away what no guest holds.
      await altering('guest', 'no disk', () =>
        askGuest(serial, 'for d in /sys/block/sd*; do echo 1 >$d/device/delete; done'),
      );
      await altering('qemu', 'no disk', async () => {
        for (const { device } of await vmDisks(monitor)) await askQemu(monitor, 'device_del', { id: device });
      });
    },
    2 * minuteMs,
  );
});

function same(one: Sayings, other: Sayings): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
