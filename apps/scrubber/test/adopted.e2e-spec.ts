import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { DiscrepancyRecord } from '@plumbline/domain';
import * as tools from '@plumbline/stack';
import { System } from '@plumbline/testing';

const run = promisify(execFile);
const minuteMs = 60_000;
const word = { by: 'ada', reason: 'moved here' };

/** Images that people made, renamed and want back, with what is in them. */
describe('an image that changes hands', () => {
  let system: System;

  beforeAll(async () => {
    system = await System.start(tools, { workers: { scrubber: 1 } });
    system.stack.override('scrubber-1', { PLUMBLINE_SCRUB_EVERY_MS: '1000' });
    await system.stack.restart('scrubber-1');
  }, 3 * minuteMs);

  afterAll(() => system.stack.stop(), minuteMs);

  const pool = () => system.variable('PLUMBLINE_POOL');
  const rbd = async (...args: string[]) =>
    (await run('rbd', ['-c', system.variable('CEPH_CONF'), ...args])).stdout;
  const infoOf = (name: string) => tools.imageInfo(system.variable('CEPH_CONF'), pool(), name);
  const bytesOf = async (name: string) => {
    const read = `rbd -c ${system.variable('CEPH_CONF')} export --no-progress ${pool()}/${name} -`;
    return (await run('sh', ['-c', `${read} 2>/dev/null | head -c 4194304 | sha256sum`])).stdout;
  };
  const makeByHand = async (name: string) => {
    await rbd('create', '--size', '2G', `${pool()}/${name}`);
    const bench = ['--io-type', 'write', '--io-size', '4096', '--io-total', '4194304'];
    await rbd('bench', ...bench, `${pool()}/${name}`);
    return { id: (await infoOf(name))?.id, bytes: await bytesOf(name) };
  };
  const operate = async <T>(path: string, body: object) => {
    const answer = await system.operate<T>('POST', `volumes/${path}`, body);
    if (answer.status > 201) throw new Error(`${path} was answered ${JSON.stringify(answer.body)}`);
    return answer;
  };
  const account = async () =>
    (await system.ask<{ account: { uuid: string } }>('GET', '/v2/account')).body.account.uuid;
  const adopt = async (image: string): Promise<string> => {
    const body = { ...word, account: await account(), region: 'nyc1', image, name: image };
    const { body: answer } = await operate<{ adoption: { volume: string } }>('adopt', body);
    return answer.adoption.volume;
  };
  const stateOf = async (remedy: string, volume: string) =>
    [...(await system.registry())]
      .filter(([key]) => key.startsWith('discrepancies/'))
      .map(([, { value }]) => value as DiscrepancyRecord)
      .find((one) => one.remedy.name === remedy && one.volume === volume)?.state;

  it(
    'becomes a volume with all that is in it, which gets its name back, is attached, deleted, or released as it is',
    async () => {
      const made = await makeByHand('golden');
      const volume = await adopt('golden');
      expect(await infoOf('golden')).toBeUndefined();
      expect([(await infoOf(`volume-${volume}`))?.id, await bytesOf(`volume-${volume}`)]).toEqual([
        made.id,
        made.bytes,
      ]);
      expect(await system.disagreements()).toEqual([]);

      await rbd('mv', `${pool()}/volume-${volume}`, `${pool()}/somewhere`);
      await tools.waitFor(async () => (await stateOf('image-renamed', volume)) === 'repaired', {
        what: 'the image to have its name back',
        deadlineMs: 2 * minuteMs,
      });
      expect([(await infoOf(`volume-${volume}`))?.id, await infoOf('somewhere')]).toEqual([
        made.id,
        undefined,
      ]);

      const vm = Number(system.variable('PLUMBLINE_VM'));
      await system.act(volume, { type: 'attach', droplet_id: vm });
      await system.act(volume, { type: 'detach', droplet_id: vm });
      await operate(`${volume}/release`, { ...word, image: 'leaving' });
      await tools.waitFor(async () => (await infoOf('leaving')) !== undefined, {
        what: 'the image to be free',
      });
      expect([(await infoOf('leaving'))?.id, await bytesOf('leaving')]).toEqual([made.id, made.bytes]);
      expect(await infoOf(`volume-${volume}`)).toBeUndefined();
      expect(await system.disagreements([`${pool()}/leaving`])).toEqual([]);

      const again = await adopt('leaving');
      expect((await system.ask('DELETE', `/v2/volumes/${again}`)).status).toBe(204);
      const trashed = async () =>
        (await tools.trashEntries(system.variable('CEPH_CONF'), pool())).some(({ id }) => id === made.id);
      await tools.waitFor(trashed, { what: 'the image to be in the trash' });
      expect(await system.disagreements()).toEqual([]);
    },
    5 * minuteMs,
  );
});
