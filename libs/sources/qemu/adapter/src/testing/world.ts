import { TransientError } from '@plumbline/domain';
import type { EngineError, HostName, Json } from '@plumbline/domain';
import { FakeQemu, diskOf } from '@plumbline/testing';
import type { QemuUnderTest } from '@plumbline/testing';
import { connectQemu } from '../connect.js';
import type { QemuOptions } from '../connect.js';

const host = 'host-a' as HostName;
export const pool = 'volumes-nyc1';
export const GIB = 1024 ** 3;
/** Short, because on the fake only what never comes takes time. */
const deadlines = { greetingMs: 60, askMs: 150, changeMs: 150, unplugMs: 60 };

/** The adapter on fake VMs, of which one is there. */
export function world(options: { qemu?: FakeQemu; more?: Partial<QemuOptions> } = {}) {
  const qemu = options.qemu ?? new FakeQemu();
  const vm = qemu.addVm(1);
  const client = connectQemu({
    host,
    vms: qemu.vms,
    dial: qemu.dial,
    cephConf: 'ceph.conf',
    cephUser: 'client.plumbline-vm',
    imageBytes: async ({ pool: in_, image }) => qemu.images.sizeBytes(in_, image) ?? 0,
    deadlines,
    ...options.more,
  });
  const under: QemuUnderTest = {
    client,
    host,
    vm: vm.id,
    pool,
    setImage: async (image, sizeGib) => qemu.images.resize(pool, image, sizeGib * GIB),
    imageBytes: async (image) => qemu.images.sizeBytes(pool, image) ?? 0,
    cut: async () => {
      const show = qemu.hideVms();
      return async () => show();
    },
    close: () => client.close(),
  };
  const disk = (sizeGib = 1) => {
    const made = diskOf(under);
    qemu.images.resize(pool, made.image, sizeGib * GIB);
    return made;
  };
  return { qemu, vm, client, under, disk };
}

/** What a call is rejected with; what it answers is a plain error. */
export async function errorOf(call: Promise<unknown>): Promise<EngineError> {
  const outcome: unknown = await call.then(
    (answer) => new Error(`answered ${JSON.stringify(answer)}`),
    (error: unknown) => error,
  );
  return outcome as EngineError;
}

export async function listed(client: QemuUnderTest['client'], facet: 'qemu.node' | 'qemu.device') {
  const keys: string[] = [];
  const backend = client.facets.get(facet);
  for await (const { key } of backend?.list(AbortSignal.timeout(5_000)) ?? []) keys.push(key);
  return keys;
}

/** Asks until it is answered so. */
export async function expectSoon(ask: () => Promise<Json>, answer: Json): Promise<void> {
  for (let asked = 0; asked < 200; asked += 1) {
    const outcome = await ask().catch((error: unknown) => error);
    if (!(outcome instanceof TransientError)) {
      expect(outcome).toEqual(answer);
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error('still out of reach');
}
