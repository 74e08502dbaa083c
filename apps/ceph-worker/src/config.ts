import { commonVariables, readConfig, text, wholeNumber, workerVariables } from '@plumbline/platform';
import type { Environment } from '@plumbline/platform';

export const APP = 'ceph-worker';

/** @throws ConfigError with everything that is wrong. */
export function readCephWorkerConfig(environment: Environment) {
  return readConfig(
    {
      ...commonVariables(APP),
      ...workerVariables(),
      cephConf: text('CEPH_CONF', { must: 'the path of a ceph.conf' }),
      cephUser: text('CEPH_USER', { must: 'the name of a cephx user, such as client.plumbline-ceph' }),
      /** Calls of librbd at a time: fewer than jobs, of which half wait for the registry at any moment. */
      callsMax: wholeNumber('CEPH_CALLS_MAX', { min: 1, max: 256, otherwise: 16 }),
    },
    environment,
  );
}

export type CephWorkerConfig = ReturnType<typeof readCephWorkerConfig>;
