import { createFakeRegistry } from './fake-registry.js';
import { describeKv } from './describe-kv.js';

describeKv('the fake Consul', async () => {
  const one = await createFakeRegistry();
  const other = await createFakeRegistry({ consul: one.consul });
  return {
    transport: one.consul.transport(),
    kv: one.kv,
    otherKv: other.kv,
    prefix: 'test/',
    haltKey: one.layout.halt,
    close: async () => {
      await one.close();
      await other.close();
    },
  };
});
