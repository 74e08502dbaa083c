import { chmodSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { consulKeys, consulValue, startStack, waitFor, type RunningStack } from '@plumbline/stack';
import { Proxy } from '@plumbline/testing';

const minuteMs = 60_000;
const worker = 'ceph-worker-1';
const boots = 'plumbline/boots/';

/** Whose address is it, and is it known yet: what others need to cut this process off. */
interface Boot {
  name: string;
  address: string | null;
}

describe('a worker that starts', () => {
  let stack: RunningStack;
  let consul: Proxy;

  beforeAll(async () => {
    const data = mkdtempSync(join(tmpdir(), 'plumbline-e2e-'));
    chmodSync(data, 0o755); // PostgreSQL runs as a user of its own and has to get in.
    stack = await startStack({ ephemeral: true, data });
    consul = await Proxy.before(stack.env['CONSUL_HTTP_ADDR'] ?? '');
  }, 3 * minuteMs);

  afterAll(async () => {
    await consul?.close();
    await stack?.stop();
  }, minuteMs);

  const bootsOfWorker = async (): Promise<readonly Boot[]> => {
    const address = stack.env['CONSUL_HTTP_ADDR'] ?? '';
    const keys = await consulKeys(address, boots);
    const all = await Promise.all(keys.map((key) => consulValue<Boot>(address, key)));
    return all.filter((boot): boot is Boot => boot?.name === worker);
  };

  it(
    'waits for a Consul that goes away between its boot and its address',
    async () => {
      await stack.halt(worker);
      stack.override(worker, { CONSUL_HTTP_ADDR: consul.url });
      stack.pause('ceph-mon');
      await stack.start(worker);
      const { pid } = stack.process(worker);
      await waitFor(async () => (await bootsOfWorker()).some(({ address }) => address === null), {
        what: 'its boot, which has no address yet',
      });
      consul.become('refusing');
      stack.resume('ceph-mon');
      const refused = consul.accepted;
      await waitFor(() => consul.accepted > refused + 5 || !stack.isAlive(worker), {
        what: 'it to have asked in vain for a while',
      });
      // Long enough for it to have reached Ceph, and to want to note where it can be cut off.
      const health = () =>
        fetch(`http://127.0.0.1:${stack.process(worker).port}/readyz`).then((answer) => answer.text());
      await waitFor(
        async () => !stack.isAlive(worker) || (await health()).includes('connection to registry'),
        {
          what: 'it to say that it waits for the registry',
        },
      );
      expect(stack.isAlive(worker)).toBe(true);
      consul.become('passing');
      await waitFor(async () => (await bootsOfWorker()).some(({ address }) => address !== null), {
        what: 'its address',
      });
      await waitFor(async () => (await health()).includes('"missing":[]'), { what: 'it to be ready' });
      expect(stack.process(worker).pid).toBe(pid);
    },
    3 * minuteMs,
  );
});
