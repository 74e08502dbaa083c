import { connectCeph, exitNow, witnessObjectOf } from '@plumbline/ceph-adapter';
import { lookQueueOf, queueOf } from '@plumbline/domain';
import type { SourceClient } from '@plumbline/domain';
import { BARE, Boots, startLaneWorker, startProcess, untilConnected, watchRewinds } from '@plumbline/worker';
import type { Instrument } from '@plumbline/worker';
import { APP } from './config.js';
import type { CephWorkerConfig } from './config.js';

/** The worker of Ceph, from its first sign of life on. It goes on until its process ends. */
export async function runCephWorker(
  config: CephWorkerConfig,
  instrument: Instrument<SourceClient> = BARE,
): Promise<void> {
  const self = instrument.process(await startProcess({ app: APP, config, host: null, exit: exitNow }));
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
  await untilConnected(self, 'registry', () => self.registry.boots.noteAddress(client.address));
  const rewinds = await watchRewinds(self, { witness: client.witness, role: 'raises' });
  boots.takeOverWith(client, rewinds);
  await boots.succeed({ fence: client, rewinds });
  await startLaneWorker(self, {
    queue: queueOf('ceph'),
    lookQueue: lookQueueOf('ceph'),
    client: instrument.client(client),
    config,
    boots: boots.known(),
    rewinds,
    fence: client,
  });
}
