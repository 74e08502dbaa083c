import { connectCeph, exitNow, witnessObjectOf } from '@plumbline/ceph-adapter';
import { cephImage } from '@plumbline/ceph-facets';
import { lookQueueOf, queueOf } from '@plumbline/domain';
import type { Json, SourceClient } from '@plumbline/domain';
import { connectQemu } from '@plumbline/qemu-adapter';
import { RegistryVms } from '@plumbline/registry';
import { BARE, Boots, startLaneWorker, startProcess, untilConnected, watchRewinds } from '@plumbline/worker';
import type { Instrument } from '@plumbline/worker';
import { APP } from './config.js';
import type { QemuWorkerConfig } from './config.js';

/** Ceph is only asked whether it answers, where all who ask at once share the answer, and for sizes of images. */
const CALLS_MAX = 2;

/** The worker of one host's VMs, from its first sign of life on. It goes on until its process ends. */
export async function runQemuWorker(
  config: QemuWorkerConfig,
  instrument: Instrument<SourceClient> = BARE,
): Promise<void> {
  const self = instrument.process(await startProcess({ app: APP, config, host: config.host, exit: exitNow }));
  const boots = new Boots(self);
  await boots.start();
  const ceph = await untilConnected(self, 'ceph', () =>
    connectCeph({
      conf: config.cephConf,
      user: config.cephUser,
      pools: config.regions.map(({ pool }) => pool),
      witnessObject: witnessObjectOf(config.registryPrefix),
      callsMax: CALLS_MAX,
      ownerOf: () => 'nobody-known',
      onBlocklisted: () => {
        self.log.fatal({}, 'this client was blocklisted: the boot has to end');
        exitNow(1);
      },
    }),
  );
  self.shutdown.atEnd('ceph', () => ceph.close());
  const images = ceph.facets.get(cephImage.name)!; // One of the two facets that a client of Ceph has.
  const vms = new RegistryVms(self.registry.kv, self.registry.layout);
  const client = connectQemu({
    host: config.host,
    vms: async () => (await vms.list()).filter(({ host }) => host === config.host),
    cephConf: config.cephConf,
    cephUser: config.vmCephUser,
    imageBytes: async ({ pool, image }, signal) =>
      sizeOf(await images.observe({ key: `${pool}/${image}` }, signal)),
    mayChange: () => boots.expectStanding(),
    // A QEMU that waits for Ceph answers nobody and lets its guest stand still: it is asked for nothing meanwhile.
    mayOpenImages: (signal) => ceph.ping(signal),
  });
  const rewinds = await watchRewinds(self, { witness: ceph.witness, role: 'reads' });
  await boots.succeed({ rewinds });
  await startLaneWorker(self, {
    queue: queueOf('qemu', config.host),
    lookQueue: lookQueueOf('qemu', config.host),
    client: instrument.client(client),
    config,
    boots: boots.known(),
    rewinds,
  });
}

/** Nought for what is not there, or not in one piece: a VM is never shown less than it has. */
function sizeOf(seen: Json): number {
  const image = cephImage.seen.nullable().parse(seen);
  return image?.state === 'open' ? image.sizeBytes : 0;
}
