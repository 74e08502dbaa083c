import { Queue } from 'bullmq';
import { openBoard } from './board.js';
import type { Board } from './board.js';
import { workerConnection } from './redis.js';
import { connect, silent, testRedisUrl } from './testing/test-redis.js';

const redisUrl = testRedisUrl(process.env['PLUMBLINE_TEST_REDIS'], 4);
const RESOURCE = 'volume/3f1d0a43-5f6e-4a53-9a8e-7f1f8f0a4c11';

describe('board', () => {
  let board: Board;
  let base: string;
  const login = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` });

  beforeAll(async () => {
    const redis = await connect(redisUrl);
    await redis.client.flushdb();
    redis.close();
    const queue = new Queue('ceph', { connection: workerConnection(redisUrl) });
    await queue.add('lane', { resource: RESOURCE, secret: 'hunter2' });
    await queue.close();
    board = await openBoard({
      queues: ['ceph', 'billing'],
      host: '127.0.0.1',
      port: 0,
      user: 'operator',
      password: 'correct horse',
      redisUrl,
      log: silent,
    });
    base = `http://127.0.0.1:${board.port}`;
  });
  afterAll(() => board.close());

  it.each(['/', '/queues', '/queues/', '/queues/api/queues', '/queues/static/favicon.ico', '/nowhere'])(
    'serves nothing at %s without the right login',
    async (path) => {
      const get = (headers: Record<string, string>) => fetch(base + path, { headers, redirect: 'manual' });
      for (const headers of [{}, login('operator:wrong'), login('operator:'), { authorization: 'Basic' }]) {
        const answer = await get(headers);
        expect(answer.status).toBe(401);
        expect(answer.headers.get('www-authenticate')).toContain('Basic');
      }
      expect((await get(login('operator:correct horse'))).status).not.toBe(401);
    },
  );

  it('leads to the queues, and shows the resources of jobs and nothing else of them', async () => {
    const headers = login('operator:correct horse');
    const page = await fetch(`${base}/`, { headers });
    expect(page.url).toBe(`${base}/queues`);
    expect(await page.text()).toContain('Plumbline');
    const api = await fetch(`${base}/queues/api/queues?activeQueue=ceph&status=waiting`, { headers });
    const text = await api.text();
    expect(api.status).toBe(200);
    expect(text).toContain(RESOURCE);
    expect(text).toContain('"billing"');
    expect(text).not.toContain('hunter2');
  });
});
