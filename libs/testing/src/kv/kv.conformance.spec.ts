import { randomUUID } from 'node:crypto';
import { connectRegistry, ConsulTransport, type Registry } from '@plumbline/registry';
import { describeKv } from './describe-kv.js';

const consulAddr = process.env['PLUMBLINE_TEST_CONSUL'] ?? '';
const DEADLINE_MS = 10_000;

describeKv('a real Consul', async () => {
  const prefix = `test-${randomUUID()}/`;
  const process = (name: string): Promise<Registry> =>
    connectRegistry({
      consulAddr,
      prefix,
      boot: { name, app: 'test', host: null, version: '0' },
      onFenced: () => undefined,
      onClockAhead: () => undefined,
      deadlineMs: DEADLINE_MS,
      signal: AbortSignal.timeout(DEADLINE_MS),
    });
  const transport = new ConsulTransport({ consulAddr, deadlineMs: DEADLINE_MS, socketsMax: 4 });
  const [one, other] = [await process('one'), await process('other')];
  return {
    transport,
    kv: one.kv,
    otherKv: other.kv,
    prefix,
    haltKey: one.layout.halt,
    close: async () => {
      await one.close();
      await other.close();
      transport.close();
    },
  };
});
