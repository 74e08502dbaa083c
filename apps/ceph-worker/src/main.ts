import { connectCeph, exitNow, witnessObjectOf } from '@plumbline/ceph-adapter';
import { lookQueueOf, queueOf } from '@plumbline/domain';
import { commonVariables, readConfig, text, wholeNumber, workerVariables } from '@plumbline/platform';
import { Boots, startLaneWorker, startProcess, untilConnected, watchRewinds } from '@plumbline/worker';

const APP = 'ceph-worker';

const config = readConfig(
  {
    ...commonVariables(APP),
    ...workerVariables(),
    cephConf: text('CEPH_CONF', { must: 'the path of a ceph.conf' }),
    cephUser: text('CEPH_USER', { must: 'the name of a cephx user, such as client.plumbline-ceph' }),
    /** Calls of librbd at a time: fewer than jobs, of which half wait for the registry at any moment. */
    callsMax: wholeNumber('CEPH_CALLS_MAX', { min: 1, max: 256, otherwise: 16 }),
  },
  process.env,
);

const self = await startProcess({ app: APP, config, host: null, exit: exitNow });
const boots = new Boots(self);
await boots.start();
const client = await untilConnected(self, 'ceph', () =>
  connectCeph({
    conf: config.cephConf,
    user: config.cephUser,
    pools: config.regions.map(({ pool }) => pool),
    witnessObject: witnessObjectOf(config.registryPrefix),
    callsMax: config.callsMax,
    ownerOf: (address) => boots.view.ownerOf(address),
    onBlocklisted: () => {
      self.log.fatal({}, 'this client was blocklisted: the boot has to end');
      exitNow(1);
    },
  }),
);
// The address before the first effect: whatever this process does, it can be cut off.
await self.registry.boots.noteAddress(client.address);
const rewinds = await watchRewinds(self, { witness: client.witness, role: 'raises' });
boots.takeOverWith(client, rewinds);
await boots.succeed({ fence: client, rewinds });
await startLaneWorker(self, {
  queue: queueOf('ceph'),
  lookQueue: lookQueueOf('ceph'),
  client,
  config,
  boots: boots.known(),
  rewinds,
  fence: client,
});
