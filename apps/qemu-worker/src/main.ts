import { lookQueueOf, queueOf } from '@plumbline/domain';
import { commonVariables, hostName, readConfig, text, variable, workerVariables } from '@plumbline/platform';
import { connectQemu } from '@plumbline/qemu-adapter';
import { RegistryVms } from '@plumbline/registry';
import { Boots, rulesOf, startLaneWorker, startProcess } from '@plumbline/worker';

const APP = 'qemu-worker';

const config = readConfig(
  {
    ...commonVariables(APP),
    ...workerVariables(),
    host: variable('PLUMBLINE_HOST', { schema: hostName, must: 'the name of this hypervisor host' }),
    cephConf: text('CEPH_CONF', { must: 'the path of a ceph.conf that the VMs can read' }),
    cephUser: text('QEMU_CEPH_USER', { must: 'the cephx user that VMs open images as' }),
  },
  process.env,
);

const self = await startProcess({ app: APP, config, host: config.host });
const boots = new Boots(self, rulesOf(self));
await boots.start();
const vms = new RegistryVms(self.registry.kv, self.registry.layout);
const client = connectQemu({
  host: config.host,
  vms: async () => (await vms.list()).filter(({ host }) => host === config.host),
  cephConf: config.cephConf,
  cephUser: config.cephUser,
});
await boots.succeed();
await startLaneWorker(self, {
  queue: queueOf('qemu', config.host),
  lookQueue: lookQueueOf('qemu', config.host),
  client,
  config,
  boots: boots.known(),
});
