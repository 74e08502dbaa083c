import type { FacetName, PassReport, ScrubStatus } from '@plumbline/domain';
import { ScrubDesk } from '@plumbline/registry';
import { z } from 'zod';
import { scrubReportShape, scrubShape, settingsShape } from '../src/ops/scrub-shapes.js';
import { ApiWorld, OPS_TOKEN } from './api-world.js';
import { clear, plant } from './planted.js';

const ADA = { by: 'ada', reason: 'looked at every one' };
const SET = z.object({ settings: settingsShape.strict() });
const IMAGE: FacetName = 'ceph.image';

describe('the scrubber, for operators', () => {
  let world: ApiWorld;
  let desk: ScrubDesk;
  beforeAll(async () => {
    world = await ApiWorld.open();
    desk = new ScrubDesk(world.registry);
  });
  afterEach(() => clear(world));
  afterAll(() => world.close());

  const shown = async () => scrubShape.strict().parse((await world.ops('GET', '/scrub')).body);

  function statusAt(endedAt: number): ScrubStatus {
    const facets = [{ facet: IMAGE, objects: null, unasked: 0, missing: 0, unexpected: 0, different: 1 }];
    const last: PassReport = {
      pass: 4,
      startedAt: endedAt - 20_000,
      endedAt,
      volumes: 12,
      facets,
      confirmed: 1,
      healed: 0,
      filed: 0,
      waiting: 1,
      oldestAt: null,
    };
    return { leader: 'scrubber-1', at: endedAt, pass: null, perSecond: 100, paces: [], last };
  }

  it('shows nothing of what never was, and its lag since the last pass', async () => {
    expect(await shown()).toEqual({
      now: expect.any(Number) as number,
      status: null,
      lagMs: null,
      oldestLookMs: null,
      brakes: [],
      releases: [],
      settings: { modes: {}, repairsPerHour: null, paused: false },
    });
    const status = statusAt(world.registry.boots.registryNow() - 60_000);
    await desk.publish(status);
    const { lagMs, status: read } = await shown();
    expect(read).toEqual(status);
    expect(lagMs).toBeGreaterThanOrEqual(60_000);
    expect(lagMs).toBeLessThan(120_000);
  });

  it('is set a part at a time, and refuses names that no remedy has', async () => {
    const patch = (body: object) => world.ops('PATCH', '/scrub/settings', body);
    const set = async (body: object) => SET.parse((await patch({ by: 'ada', ...body })).body).settings;
    await set({ modes: { 'device-lost': 'off', 'image-left': 'report' } });
    await set({ repairsPerHour: 0 });
    expect(await set({ paused: true, modes: { 'device-lost': 'repair' } })).toEqual({
      modes: { 'image-left': 'report' },
      repairsPerHour: 0,
      paused: true,
    });
    expect(await set({ repairsPerHour: null, paused: false })).toMatchObject({ repairsPerHour: null });
    const before = await desk.settings();
    for (const [body, words] of [
      [{ paused: true }, 'by'],
      [{ by: 'ada', modes: { hope: 'off' } }, 'hope: there are image-trashed, '],
      [{ by: 'ada', modes: { 'device-lost': 'on' } }, 'repair, report, off'],
      [{ by: 'ada', repairsPerHour: -1 }, 'repairsPerHour must be'],
      [{ by: 'ada', paused: 'yes' }, 'paused must be'],
      [{ by: 'ada', pause: true }, 'there is no pause'],
    ] as const) {
      const answer = await patch(body);
      expect([answer.status, answer.body.message]).toEqual([422, expect.stringContaining(words)]);
    }
    expect(await desk.settings()).toEqual(before);
    expect(world.logged.join()).toContain('operator set the scrubber');
  });

  it('goes on behind a brake by an operator’s word only, which is remembered', async () => {
    const release = (facet: string, body: object = ADA) =>
      world.ops('POST', `/scrub/brakes/${facet}/release`, body);
    const none = await release(IMAGE);
    expect([none.status, none.body.message]).toEqual([404, expect.stringContaining('no brake is on')]);
    await desk.engage({ facet: IMAGE, why: 'share', at: 5, wrong: 60, of: 2000 });
    expect((await shown()).brakes).toEqual([{ facet: IMAGE, why: 'share', at: 5, wrong: 60, of: 2000 }]);
    const other = await release('qemu.node');
    expect([other.status, other.body.message]).toEqual([404, expect.stringContaining(`on for ${IMAGE}`)]);
    expect((await release('qemu')).status).toBe(404);
    expect((await release(IMAGE, { by: 'ada' })).status).toBe(422);
    expect((await release(IMAGE)).status).toBe(200);
    expect(await shown()).toMatchObject({ brakes: [], releases: [{ facet: IMAGE, wrong: 60, ...ADA }] });
    expect(world.logged.join()).toContain('operator released a brake');
  });

  it('reports what differs, what was repaired, what waits and why, as data and as text', async () => {
    await desk.publish(statusAt(world.registry.boots.registryNow()));
    await desk.engage({ facet: 'qemu.node', why: 'few-listed', at: 5, wrong: 1, of: 40 });
    const page = { name: 'image-missing', does: 'page', why: 'a person is needed' } as const;
    const oldest = await plant(world, { firstSeenAt: 1 });
    const parked = await plant(world, { state: 'parked', parked: '3 repairs did not help', firstSeenAt: 2 });
    const called = await plant(world, { class: 'missing', remedy: page, firstSeenAt: 3 });
    const mended = await plant(world, { state: 'repaired', firstSeenAt: 0 });
    await plant(world, { state: 'accepted', firstSeenAt: 0 });
    const { body } = await world.ops('GET', '/scrub/report');
    const report = scrubReportShape.strict().parse(body);
    expect(report).toMatchObject({
      pass: { pass: 4 },
      open: [
        { facet: IMAGE, class: 'different', count: 2 },
        { facet: IMAGE, class: 'missing', count: 1 },
      ],
      oldest: { id: oldest.id },
      repairedTotal: 1,
      waitingTotal: 2,
      brakes: [{ facet: 'qemu.node' }],
    });
    expect(report.repaired.map(({ id }) => id)).toEqual([mended.id]);
    expect(report.waiting.map(({ discrepancy: { id }, why }) => [id, why])).toEqual([
      [parked.id, '3 repairs did not help'],
      [called.id, 'a person is needed'],
    ]);
    const headers = { accept: 'text/plain' };
    const read = await world.send('GET', '/ops/v1/scrub/report', { token: OPS_TOKEN, headers });
    expect(read.headers['content-type']).toBe('text/plain; charset=utf-8');
    for (const words of [
      'Pass 4: 12 volumes in 20 s',
      'ceph.image could not be listed',
      'BRAKE on qemu.node',
      'few-listed, 1 of 40',
      `${parked.record.volume} (image-trashed): 3 repairs did not help`,
      'Waits for a person: 2',
      'docs/operating/discrepancies.md#image-missing',
      `Repaired lately: 1`,
    ])
      expect(read.text).toContain(words);
  });
});
