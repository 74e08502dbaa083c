import { commonVariables, hostName, readConfig, text, variable, workerVariables } from '@plumbline/platform';
import type { Environment } from '@plumbline/platform';

export const APP = 'qemu-worker';

/** @throws ConfigError with everything that is wrong. */
export function readQemuWorkerConfig(environment: Environment) {
  return readConfig(
    {
      ...commonVariables(APP),
      ...workerVariables(),
      host: variable('PLUMBLINE_HOST', { schema: hostName, must: 'the name of this hypervisor host' }),
      cephConf: text('CEPH_CONF', { must: 'the path of a ceph.conf that the VMs can read' }),
      cephUser: text('CEPH_USER', { must: 'a cephx user that reads, such as client.plumbline-qemu' }),
      vmCephUser: text('QEMU_CEPH_USER', { must: 'the cephx user that VMs open images as' }),
    },
    environment,
  );
}

export type QemuWorkerConfig = ReturnType<typeof readQemuWorkerConfig>;
