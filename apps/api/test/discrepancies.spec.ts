import { randomUUID } from 'node:crypto';
import type { DiscrepancyRecord, DiscrepancyState, VolumeId } from '@plumbline/domain';
import { z } from 'zod';
import { truthShape } from '../src/ops/shapes.js';
import { discrepancyShape } from '../src/ops/scrub-shapes.js';
import { listShape } from '../src/v2/shapes.js';
import { ApiWorld } from './api-world.js';
import { book, clear, plant } from './planted.js';

const ADA = { by: 'ada', reason: 'we know of it' };
const DAY_MS = 24 * 3600 * 1000;
const ONE = z.object({ discrepancy: discrepancyShape.strict() });

describe('discrepancies, for operators', () => {
  let world: ApiWorld;
  beforeAll(async () => {
    world = await ApiWorld.open();
  });
  afterEach(() => clear(world));
  afterAll(() => world.close());

  const inDays = (days: number) => new Date(world.registry.boots.registryNow() + days * DAY_MS).toISOString();

  async function idsOf(query: string): Promise<readonly string[]> {
    const { body, status } = await world.ops('GET', `/discrepancies${query}`);
    expect(status).toBe(200);
    const shape = listShape('discrepancies', discrepancyShape.strict());
    return shape.parse(body).discrepancies.map(({ id }) => id);
  }

  it('are listed by what they have, a page at a time, each with the page that helps', async () => {
    const volume = randomUUID() as VolumeId;
    const image = await plant(world, { volume });
    const device = await plant(world, {
      facet: 'qemu.device',
      class: 'missing',
      host: 'host-a' as DiscrepancyRecord['host'],
      key: 'vm-1/one',
      remedy: { name: 'device-lost', does: 'repair', why: 'attached again' },
      state: 'parked',
      parked: '3 repairs did not help',
    });
    for (const query of [
      '?facet=ceph.image',
      '?class=different',
      '?state=confirmed',
      '?remedy=image-trashed',
      `?volume=${volume}`,
      `?facet=ceph.image&class=different&volume=${volume}`,
    ])
      expect([query, await idsOf(query)]).toEqual([query, [image.id]]);
    expect(await idsOf('?state=confirmed&class=missing')).toEqual([]);
    expect([...(await idsOf(''))].sort()).toEqual([image.id, device.id].sort());
    const first = await world.ops('GET', '/discrepancies?per_page=1');
    expect(first.body.meta.total).toBe(2);
    expect(first.body.links.pages?.next).toContain('page=2');
    const { body } = await world.ops('GET', `/discrepancies/${device.id}`);
    expect(ONE.parse(body).discrepancy).toEqual({
      id: device.id,
      ...device.record,
      page: 'docs/operating/discrepancies.md#device-lost',
    });
  });

  it('are not looked for by what there is not, and the answer names what there is', async () => {
    for (const [query, words] of [
      ['facet=ceph.watch', 'facet must be one of ceph.image, '],
      ['class=odd', 'class must be one of missing, '],
      ['state=wrong', 'state must be one of seen-once, '],
      ['remedy=hope', 'image-missing'],
      ['volume=1', 'volume must be the id'],
    ] as const) {
      const answer = await world.ops('GET', `/discrepancies?${query}`);
      expect([answer.status, answer.body.message]).toEqual([422, expect.stringContaining(words)]);
    }
    for (const id of [`ceph.image/${'0'.repeat(64)}`, 'ceph.image/x', `..%2f/${'0'.repeat(64)}`])
      expect((await world.ops('GET', `/discrepancies/${id}`)).status).toBe(404);
  });

  it('are accepted until an instant, and reopened, by somebody who says why', async () => {
    const { id } = await plant(world, { state: 'parked', parked: 'no help', repairs: 3 });
    const until = inDays(30);
    const accepted = await world.ops('POST', `/discrepancies/${id}/accept`, { ...ADA, until });
    expect(accepted.status).toBe(200);
    expect(ONE.parse(accepted.body).discrepancy).toMatchObject({
      state: 'accepted',
      parked: null,
      accepted: { ...ADA, until: Date.parse(until) },
    });
    const later = inDays(60);
    await world.ops('POST', `/discrepancies/${id}/accept`, { by: 'eve', reason: 'longer', until: later });
    const reopened = await world.ops('POST', `/discrepancies/${id}/reopen`, ADA);
    expect(ONE.parse(reopened.body).discrepancy).toMatchObject({
      state: 'confirmed',
      accepted: null,
      repairs: 0,
    });
    const record = await book(world).find(id);
    expect(record?.history.slice(1).map(({ note, state }) => [state, note])).toEqual([
      ['accepted', 'ada: we know of it'],
      ['accepted', 'eve: longer'],
      ['confirmed', 'ada: we know of it'],
    ]);
    expect(world.logged.filter((line) => line.includes('operator judged a discrepancy'))).toHaveLength(3);
  });

  it('are neither accepted nor reopened where it makes no sense, and the answer says what would', async () => {
    const { id, record } = await plant(world);
    const ask = async (state: DiscrepancyState, what: 'accept' | 'reopen') => {
      await book(world).change(record, () => ({ ...record, state }));
      const answer = await world.ops('POST', `/discrepancies/${id}/${what}`, { ...ADA, until: inDays(1) });
      expect((await book(world).find(id))?.state === state).toBe(answer.status !== 200);
      return [answer.status, answer.status === 200 ? '' : answer.body.message];
    };
    const no = (words: string) => [409, expect.stringContaining(words) as string];
    expect(await ask('seen-once', 'accept')).toEqual(no('wait until it is confirmed'));
    expect(await ask('repairing', 'accept')).toEqual(no('An intent is on its way'));
    expect(await ask('repaired', 'accept')).toEqual(no('agrees again'));
    expect(await ask('confirmed', 'accept')).toEqual([200, '']);
    expect(await ask('confirmed', 'reopen')).toEqual(no('counts already'));
    expect(await ask('repairing', 'reopen')).toEqual(no('An intent is on its way'));
    expect(await ask('parked', 'reopen')).toEqual([200, '']);
    for (const [body, words] of [
      [{ until: inDays(1) }, 'by'],
      [ADA, 'until must be an instant'],
      [{ ...ADA, until: 'tomorrow' }, 'until must be an instant'],
      [{ ...ADA, until: inDays(-1) }, 'in the future'],
      [{ ...ADA, until: inDays(400) }, 'at most a year'],
    ] as const) {
      const answer = await world.ops('POST', `/discrepancies/${id}/accept`, body);
      expect([answer.status, answer.body.message]).toEqual([422, expect.stringContaining(words)]);
    }
    const nowhere = `/discrepancies/ceph.image/${'0'.repeat(64)}`;
    expect((await world.ops('POST', `${nowhere}/accept`, { ...ADA, until: inDays(1) })).status).toBe(404);
    expect((await world.ops('POST', `${nowhere}/reopen`, ADA)).status).toBe(404);
  });

  it('stand in the truth of their volume', async () => {
    const volume = (await world.volume()) as VolumeId;
    const { id } = await plant(world, { volume });
    await plant(world);
    const { body } = await world.ops('GET', `/volumes/${volume}/truth`);
    expect(
      truthShape
        .strict()
        .parse(body)
        .discrepancies.map((one) => one.id),
    ).toEqual([id]);
  });
});
