import { randomUUID } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import * as tools from '@plumbline/stack';
import { System } from '@plumbline/testing';
import type { Answer, Asking, ErrorBody, ShownVolume } from '@plumbline/testing';
import fc from 'fast-check';
import { errorShape } from '../src/v2/shapes.js';

const minuteMs = 60_000;
const atOnceMs = 5_000;
const runs = { numRuns: 150 };
const nameForm = /^[a-z][a-z0-9-]{0,63}$/;

/** What the real parts hold must be the same after a refusal as before: of Consul every key with its index. */
describe('bad input to a running system', () => {
  let system: System;
  let kept: string;
  let foreign: string;
  let stranger: { account: string; token: string; tokenId: string };
  let vm: number;
  let otherVm: number;

  beforeAll(async () => {
    system = await System.start(tools);
    vm = Number(system.variable('PLUMBLINE_VM'));
    otherVm = Number(system.variable('PLUMBLINE_VM_2'));
    kept = await system.create('kept', 4);
    await system.act(kept, { type: 'attach', droplet_id: vm });
    const account = await system.operate<{ account: { id: string } }>('POST', 'accounts', {
      name: 'stranger',
      email: 'stranger@plumbline.invalid',
    });
    const { id } = account.body.account;
    const issued = await newToken(id);
    stranger = { account: id, ...issued };
    const made = await system.ask<{ volume: ShownVolume }>('POST', '/v2/volumes', {
      body: system.wish('theirs'),
      token: stranger.token,
    });
    foreign = made.body.volume.id;
    expect(await system.disagreements()).toEqual([]);
  }, 3 * minuteMs);

  afterAll(() => system.stack.stop(), minuteMs);

  const newToken = async (account: string): Promise<{ token: string; tokenId: string }> => {
    const path = `accounts/${account}/tokens`;
    const { body } = await system.operate<{ token: { id: string }; secret: string }>('POST', path, {
      name: 't',
    });
    return { token: body.secret, tokenId: body.token.id };
  };

  const held = async () => [await system.recorded(), await system.images(), await disks()];
  const disks = () => tools.vmDisks(system.variable('PLUMBLINE_VM_TOOLS'));

  /** Does what must leave no trace, and compares what is held everywhere before and after. */
  const withoutTrace = async (work: () => Promise<unknown>): Promise<void> => {
    const before = await held();
    await work();
    expect(await held()).toEqual(before);
  };

  const refused = ({ body, headers, status }: Answer<ErrorBody>, wanted: number, words: string): void => {
    expect({ status, ...errorShape.strict().parse(body) }).toMatchObject({
      status: wanted,
      message: expect.stringContaining(words),
      request_id: headers.get('x-request-id'),
    });
  };
  const unknown = (answer: Answer<ErrorBody>): void =>
    refused(answer, 404, 'The resource you requested could not be found.');
  const create = (asking: Asking) => system.ask('POST', '/v2/volumes', asking);
  const act = (id: string, body: object) => system.ask('POST', `/v2/volumes/${id}/actions`, { body });

  const whole = fc.oneof(fc.integer({ max: 0 }), fc.integer({ min: 16_385 }));
  const fraction = fc
    .double({ noNaN: true, noDefaultInfinity: true })
    .filter((size) => !Number.isInteger(size));
  const noNumber = fc.oneof(fc.string(), fc.boolean(), fc.array(fc.integer()), fc.constant(null));
  const size = fc.oneof(whole, fraction, noNumber, fc.constant(1e300));
  const edges: [unknown][] = [[0], [-1], [16_385], [0.5], [16_384.5], ['1'], [null], [true]];

  it(
    'refuses sizes that are no whole number of 1 to 16384, in creates and in growth, naming the field',
    async () => {
      await withoutTrace(() =>
        fc.assert(
          fc.asyncProperty(size, async (size_gigabytes) => {
            const body = { ...system.wish('sized'), size_gigabytes };
            refused(await create({ body }), 422, 'size_gigabytes');
            refused(await act(kept, { type: 'resize', size_gigabytes }), 422, 'size_gigabytes');
          }),
          { ...runs, examples: edges },
        ),
      );
    },
    minuteMs,
  );

  const text = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.stringMatching(/^[a-z0-9-]{65,80}$/));
  const near = fc.constantFrom('a ', ' a', 'a\n', 'a\u0000', ...'Good a_b 1a -a a.b é a/b'.split(' '));
  const name = fc.oneof(near, text, noNumber).filter((one) => typeof one !== 'string' || !nameForm.test(one));

  it(
    'refuses names that are no names, naming the field',
    async () => {
      await withoutTrace(() =>
        fc.assert(
          fc.asyncProperty(name, async (given) => {
            refused(await create({ body: { ...system.wish('x'), name: given } }), 422, 'name');
          }),
          runs,
        ),
      );
    },
    minuteMs,
  );

  it(
    'refuses regions, tags, descriptions and actions that are wrong, naming the field',
    async () => {
      const creates: readonly (readonly [object, string])[] = [
        [{ region: 'moon1' }, 'region'],
        [{ region: '' }, 'region'],
        [{ region: 1 }, 'region'],
        [{ region: '../nyc1' }, 'region'],
        [{ description: 1 }, 'description'],
        [{ description: 'x'.repeat(3000) }, 'description'],
        [{ tags: 'a' }, 'tags'],
        [{ tags: ['a b'] }, 'tags'],
        [{ filesystem_type: 'ntfs' }, 'filesystem_type'],
        [{ filesystem_label: 'x' }, 'filesystem_label'],
      ];
      const actions: readonly (readonly [object, string])[] = [
        [{}, 'type'],
        [{ type: 1 }, 'type'],
        [{ type: 'explode' }, 'type'],
        [{ type: 'attach' }, 'droplet_id'],
        [{ type: 'attach', droplet_id: String(otherVm) }, 'droplet_id'],
        [{ type: 'detach', droplet_id: 1.5 }, 'droplet_id'],
        [{ type: 'detach', droplet_id: vm, region: 'lon1' }, 'region'],
        [{ type: 'resize', size_gigabytes: 5, region: 'lon1' }, 'region'],
      ];
      await withoutTrace(async () => {
        for (const [wrong, field] of creates)
          refused(await create({ body: { ...system.wish('x'), ...wrong } }), 422, field);
        for (const [wrong, field] of actions) refused(await act(kept, wrong), 422, field);
        unknown(await create({ body: { ...system.wish('x'), snapshot_id: randomUUID() } }));
      });
    },
    minuteMs,
  );

  const noJson = fc
    .oneof(fc.string({ minLength: 1 }), fc.constantFrom('{"name":', '{"a":1}}', '\u0000', '{,}'))
    .filter((given) => given.trim() !== '' && !isJson(given));
  // A body that is `null` is as good as none, and is refused for what it lacks.
  const noObject = fc
    .jsonValue()
    .filter((given) => given !== null && (typeof given !== 'object' || Array.isArray(given)))
    .map((given) => JSON.stringify(given));

  it(
    'answers 400 to a body that is no JSON object',
    async () => {
      await withoutTrace(() =>
        fc.assert(
          fc.asyncProperty(fc.oneof(noJson, noObject), async (raw) => {
            const words = 'error parsing request body';
            refused(await create({ raw }), 400, words);
            refused(await system.ask('POST', `/v2/volumes/${kept}/actions`, { raw }), 400, words);
          }),
          runs,
        ),
      );
    },
    minuteMs,
  );

  it(
    'answers 4xx, and never our mistake, to whatever object comes',
    async () => {
      const fields = 'name size_gigabytes region tags type droplet_id description'.split(' ');
      const body = fc.dictionary(fc.oneof(fc.constantFrom(...fields), fc.string()), fc.jsonValue(), {
        maxKeys: 8,
      });
      await withoutTrace(() =>
        fc.assert(
          fc.asyncProperty(body, async (given) => {
            for (const answer of [await create({ body: given }), await act(kept, given)]) {
              expect(answer.status).toBe(422);
              errorShape.strict().parse(answer.body);
            }
          }),
          runs,
        ),
      );
    },
    minuteMs,
  );

  it(
    'answers 413 in the shape of errors to a body over 64 KiB, whether its length is announced or not',
    async () => {
      await withoutTrace(async () => {
        const raw = JSON.stringify(system.wish('big')).padEnd(64 * 1024 + 1);
        refused(await create({ raw }), 413, '64 KiB');
        refused(await create({ raw: raw.padEnd(2 * raw.length) }), 413, '64 KiB');
        expect(await statusOfChunked(raw)).toBe(413);
      });
      const fits = JSON.stringify(system.wish('padded')).padEnd(64 * 1024);
      expect((await create({ raw: fits })).status).toBe(201);
    },
    minuteMs,
  );

  /** The body in pieces, without a length before it. */
  const statusOfChunked = (raw: string): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      const request = httpRequest(`${system.variable('PLUMBLINE_URL')}/v2/volumes`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${system.variable('PLUMBLINE_TOKEN')}`,
          'content-type': 'application/json',
          'transfer-encoding': 'chunked',
        },
      });
      request.once('response', (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      request.once('error', reject);
      for (let at = 0; at < raw.length; at += 16_384) request.write(raw.slice(at, at + 16_384));
      request.end();
    });

  it(
    'answers the same 404 to an unknown id, a foreign one, and one that is no UUID',
    async () => {
      const odd = ['fake-vol-id', 'x'.repeat(2000), '..%2f..', '%00', '0'];
      const ids = [randomUUID(), foreign, foreign.toUpperCase(), kept.slice(1), ...odd];
      await withoutTrace(async () => {
        for (const id of ids) {
          const attach = { type: 'attach', droplet_id: otherVm };
          const answers = [
            await system.ask('GET', `/v2/volumes/${id}`),
            await system.ask('DELETE', `/v2/volumes/${id}`),
            await system.ask('GET', `/v2/volumes/${id}/actions`),
            await act(id, attach),
            await act(id, { type: 'detach', droplet_id: vm }),
            await act(id, { type: 'resize', size_gigabytes: 9 }),
          ];
          answers.forEach(unknown);
        }
        const { token } = stranger;
        unknown(await system.ask('GET', `/v2/droplets/${vm}`, { token }));
        const body = { type: 'attach', droplet_id: vm };
        unknown(await system.ask('POST', `/v2/volumes/${foreign}/actions`, { body, token }));
        unknown(await act(kept, { type: 'attach', droplet_id: 999_999 }));
      });
    },
    minuteMs,
  );

  it(
    'answers 401 without a token, with a wrong one and with a revoked one, and does nothing',
    async () => {
      const { token, tokenId } = await newToken(stranger.account);
      expect((await system.ask('GET', '/v2/account', { token })).status).toBe(200);
      await system.operate('DELETE', `accounts/${stranger.account}/tokens/${tokenId}`);
      const ops = system.variable('PLUMBLINE_OPS_TOKEN');
      const own = system.variable('PLUMBLINE_TOKEN');
      const headers = [
        {},
        { authorization: own },
        { authorization: `Basic ${own}` },
        { authorization: 'Bearer' },
      ];
      const askings: readonly Asking[] = [
        ...headers.map((one) => ({ token: null, headers: one })),
        ...[token, ops, `${own}x`, own.slice(1), own.toUpperCase()].map((one) => ({ token: one })),
      ];
      await withoutTrace(async () => {
        for (const asking of askings) {
          const answers = [
            await system.ask('GET', `/v2/volumes/${kept}`, asking),
            await create({ ...asking, body: system.wish('x') }),
            await system.ask('DELETE', `/v2/volumes/${foreign}`, asking),
          ];
          for (const answer of answers) refused(answer, 401, 'Unable to authenticate you.');
        }
        for (const customer of [own, stranger.token])
          refused(
            await system.ask('GET', '/ops/v1/vms', { token: customer }),
            401,
            'Unable to authenticate you.',
          );
      });
    },
    minuteMs,
  );

  it(
    'makes one volume of a name in a region, also for twenty requests at the same instant',
    async () => {
      const answers = await Promise.all(
        Array.from({ length: 20 }, () => create({ body: system.wish('same') })),
      );
      const refusals = answers.filter(({ status }) => status !== 201);
      expect(refusals).toHaveLength(19);
      for (const answer of refusals) refused(answer, 409, 'already exists');
      await withoutTrace(async () =>
        refused(await create({ body: system.wish('same', 2) }), 409, 'already exists'),
      );
      const elsewhere = await create({ body: { ...system.wish('same'), region: 'lon1' } });
      const another = await create({ body: system.wish('same'), token: stranger.token });
      expect([elsewhere.status, another.status]).toEqual([201, 201]);
      expect(await system.disagreements()).toEqual([]);
    },
    minuteMs,
  );

  it(
    'refuses a name at once while its volume is still being made',
    async () => {
      await system.stack.scale('ceph-worker', 0);
      const refuse = async () => {
        const recorded = await system.record('slow');
        await withoutTrace(async () => {
          const answer = await create({ body: system.wish('slow') });
          refused(answer, 409, 'already exists');
          expect(answer.tookMs).toBeLessThan(atOnceMs);
        });
        return recorded;
      };
      const { action } = await refuse().finally(() => system.stack.scale('ceph-worker', 1));
      await system.completed([action]);
    },
    minuteMs,
  );

  it(
    'refuses to delete an attached volume, to attach it twice, and to detach it from where it is not',
    async () => {
      const free = await system.create('free');
      await withoutTrace(async () => {
        refused(await system.ask('DELETE', `/v2/volumes/${kept}`), 409, 'attached');
        refused(await system.ask('DELETE', `/v2/volumes?name=kept&region=nyc1`), 409, 'attached');
        refused(await act(kept, { type: 'attach', droplet_id: vm }), 422, 'This volume is already attached');
        const elsewhere = await act(kept, { type: 'attach', droplet_id: otherVm });
        refused(elsewhere, 422, 'attached to another');
        expect(elsewhere.body.message).not.toContain('This volume is already attached');
        refused(await act(kept, { type: 'detach', droplet_id: otherVm }), 422, 'Attachment not found');
        refused(await act(free, { type: 'detach', droplet_id: vm }), 422, 'Attachment not found');
      });
    },
    minuteMs,
  );

  it(
    'refuses to shrink, attached or not, and asks neither QEMU nor Ceph for it',
    async () => {
      const detached = await system.create('three', 3);
      await withoutTrace(async () => {
        for (const size_gigabytes of [3, 2, 1]) {
          refused(await act(kept, { type: 'resize', size_gigabytes }), 422, 'size_gigabytes');
          refused(await act(detached, { type: 'resize', size_gigabytes }), 422, 'size_gigabytes');
        }
      });
      expect((await disks()).map(({ sizeGib }) => sizeGib)).toEqual([4]);
      expect(await system.disagreements()).toEqual([]);
    },
    minuteMs,
  );
});

function isJson(raw: string): boolean {
  try {
    JSON.parse(raw);
    return true;
  } catch {
    return false;
  }
}
