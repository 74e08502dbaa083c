import { connectCeph, exitNow, witnessObjectOf } from '@plumbline/ceph-adapter';
import { cephImage } from '@plumbline/ceph-facets';
import { lookQueueOf, queueOf } from '@plumbline/domain';
import type { Json } from '@plumbline/domain';
import { commonVariables, hostName, readConfig, text, variable, workerVariables } from '@plumbline/platform';
import { connectQemu } from '@plumbline/qemu-adapter';
import { RegistryVms } from '@plumbline/registry';
import { Boots, startLaneWorker, startProcess, untilConnected, watchRewinds } from '@plumbline/worker';

const APP = 'qemu-worker';
/** Ceph is only asked whether it answers, where all who ask at once share the answer, and for sizes of images. */
const CALLS_MAX = 2;

const config = readConfig(
  {
    ...commonVariables(APP),
    ...workerVariables(),
    host: variable('PLUMBLINE_HOST', { schema: hostName, must: 'the name of this hypervisor host' }),
    cephConf: text('CEPH_CONF', { must: 'the path of a ceph.conf that the VMs can read' }),
    cephUser: text('CEPH_USER', { must: 'a cephx user that reads, such as client.plumbline-qemu' }),
    vmCephUser: text('QEMU_CEPH_USER', { must: 'the cephx user that VMs open images as' }),
  },
  process.env,
);

const self = await startProcess({ app: APP, config, host: config.host, exit: exitNow });
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
/** Nought for what is not there, or not in one piece: a VM is never shown less than it has. */
const sizeOf = (seen: Json): number => {
  const image = cephImage.seen.nullable().parse(seen);
  return image?.state === 'open' ? image.sizeBytes : 0;
};
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
  client,
  config,
  boots: boots.known(),
  rewinds,
});
