import 'reflect-metadata';
import { TransientError } from '@plumbline/domain';
import type { AnyFacet, FacetName, Source } from '@plumbline/domain';
import { Test } from '@nestjs/testing';
import type { INestApplicationContext } from '@nestjs/common';
import { Registry } from 'prom-client';
import { Listener } from './listener.js';
import { lookProcessor } from './look-processor.js';
import { Looks } from './looks.js';
import { QueueModule } from './queue.module.js';
import type { RedisConnection } from './redis.js';
import { connect, eventually, silent, testRedisUrl } from './testing/test-redis.js';

const redisUrl = testRedisUrl(process.env['PLUMBLINE_TEST_REDIS'], 3);
const QUEUE = 'looks-ceph';
const IMAGE: FacetName = 'ceph.image';

describe('looks', () => {
  let redis: RedisConnection;
  let listener: Listener;
  let looks: Looks;
  let app: INestApplicationContext | null;
  let observed: string[];

  const images: Source = {
    facet: { name: IMAGE } as AnyFacet,
    async observe({ key }) {
      observed.push(key);
      if (key === 'down') throw new TransientError('opening the image', { reason: 'ceph-down' });
      if (key === 'hung') return new Promise(() => undefined);
      return key === 'gone' ? null : { sizeGib: 7 };
    },
    async *list() {
      yield { key: 'one', seen: { sizeGib: 1 } };
      yield { key: 'two', seen: { sizeGib: 2 } };
    },
  };

  beforeEach(async () => {
    observed = [];
    app = null;
    redis = await connect(redisUrl);
    await redis.client.flushdb();
    listener = new Listener({ redisUrl, name: 'test', log: silent });
    looks = new Looks({ redis, listener, log: silent });
    await eventually(async () => {
      expect(await redis.client.pubsub('CHANNELS', 'plumbline:looks:*')).toHaveLength(1);
    });
  });
  afterEach(async () => {
    await app?.close();
    await looks.close();
    listener.close();
    redis.close();
  });

  async function startWorker(ping = () => Promise.resolve()): Promise<void> {
    const sources = new Map([[IMAGE, images]]);
    const metrics = new Registry();
    const processors = [lookProcessor({ queue: QUEUE, sources, ping, redis, log: silent, metrics })];
    const imports = [QueueModule.register({ redisUrl, processors })];
    app = await Test.createTestingModule({ imports }).compile();
    await app.init();
  }

  it('tell whether a worker reaches its source', async () => {
    expect(await looks.ping(QUEUE, 300)).toBe('no worker answered in time');
    let answer = () => Promise.resolve();
    await startWorker(() => answer());
    expect(await looks.ping(QUEUE, 5000)).toBeNull();
    answer = () => Promise.reject(new Error('it is away'));
    expect(await looks.ping(QUEUE, 5000)).toBe('it is away');
  });

  it('answer for each place what was seen, or why it is unknown', async () => {
    await startWorker();
    const places = [
      { facet: IMAGE, key: 'there' },
      { facet: IMAGE, key: 'gone' },
      { facet: IMAGE, key: 'down' },
      { facet: IMAGE, key: 'hung' },
      { facet: 'ceph.nothing' as FacetName, key: 'there' },
    ];
    const from = Date.now();
    const answers = await looks.ask(QUEUE, places, 2000);
    expect(answers).toEqual([
      { seen: { sizeGib: 7 }, at: expect.any(Number) },
      { seen: null, at: expect.any(Number) },
      { unknown: 'opening the image' },
      { unknown: expect.stringContaining('no answer within') },
      { unknown: 'this worker knows nothing of ceph.nothing' },
    ]);
    expect(Date.now() - from).toBeLessThan(2000);
    expect(await looks.ask(QUEUE, [], 1000)).toEqual([]);
  });

  it('list a whole facet', async () => {
    await startWorker();
    expect(await looks.list(QUEUE, IMAGE, 5000)).toMatchObject({
      items: [
        { key: 'one', seen: { sizeGib: 1 } },
        { key: 'two', seen: { sizeGib: 2 } },
      ],
    });
  });

  it('are unknown at the deadline when no worker is there, and are not answered for nobody later', async () => {
    const answers = await looks.ask(QUEUE, [{ facet: IMAGE, key: 'late' }], 200);
    expect(answers).toEqual([{ unknown: 'no worker answered in time' }]);
    await startWorker();
    await looks.ask(QUEUE, [{ facet: IMAGE, key: 'there' }], 5000);
    expect(observed).toEqual(['there']);
  });

  it('are unknown at once when Redis is away', async () => {
    redis.close();
    const from = performance.now();
    expect(await looks.ask(QUEUE, [{ facet: IMAGE, key: 'there' }], 5000)).toEqual([
      { unknown: 'the queue of looks cannot be reached' },
    ]);
    expect(performance.now() - from).toBeLessThan(1000);
  });
});
