import { commonVariables, readConfig, secret, workerVariables } from '@plumbline/platform';
import type { Environment } from '@plumbline/platform';

export const APP = 'billing-worker';

/** @throws ConfigError with everything that is wrong. */
export function readBillingWorkerConfig(environment: Environment) {
  return readConfig(
    { ...commonVariables(APP), ...workerVariables(), databaseUrl: secret('DATABASE_URL') },
    environment,
  );
}

export type BillingWorkerConfig = ReturnType<typeof readBillingWorkerConfig>;
