import { startHealth } from './health.js';
import { createMetrics } from './metrics.js';
import { Readiness } from './readiness.js';

describe('health', () => {
  const readiness = new Readiness();
  const metrics = createMetrics({ app: 'api', name: 'api-1' });
  let base: string;
  let close: () => Promise<void>;

  beforeAll(async () => {
    const server = await startHealth({ host: '127.0.0.1', port: 0 }, { readiness, metrics });
    base = `http://127.0.0.1:${server.port}`;
    close = () => server.close();
  });
  afterAll(() => close());

  it('lives whatever is missing, and names what is missing and why', async () => {
    readiness.check('registry', () => Promise.resolve());
    readiness.check('redis', () => Promise.reject(new Error('connection refused')));
    readiness.check('ceph', () => new Promise(() => undefined), 20);
    expect((await fetch(`${base}/livez`)).status).toBe(200);
    const answer = await fetch(`${base}/readyz`);
    expect(answer.status).toBe(503);
    expect(await answer.json()).toEqual({
      ready: false,
      missing: [
        { name: 'redis', why: 'connection refused' },
        { name: 'ceph', why: 'ceph: no answer within 20 ms' },
      ],
    });
  });

  it('serves metrics of this process, and nothing else', async () => {
    const text = await (await fetch(`${base}/metrics`)).text();
    expect(text).toMatch(/process_resident_memory_bytes\{app="api",process="api-1"\} \d{6,}/);
    expect((await fetch(`${base}/`)).status).toBe(404);
  });
});

describe('readiness', () => {
  it('looks once for a crowd of probes', async () => {
    const readiness = new Readiness();
    let looks = 0;
    readiness.check('redis', async () => void looks++);
    await Promise.all(Array.from({ length: 100 }, () => readiness.answer()));
    expect(await readiness.answer()).toEqual({ ready: true, missing: [] });
    expect(looks).toBe(1);
  });

  it('is not ready once the process has begun to end', async () => {
    const readiness = new Readiness();
    readiness.stop();
    expect(await readiness.answer()).toMatchObject({ ready: false });
  });
});
