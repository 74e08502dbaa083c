import {
  commonVariables,
  optional,
  portText,
  readConfig,
  secretFile,
  text,
  variable,
  wholeNumber,
} from '@plumbline/platform';
import type { Environment } from '@plumbline/platform';
import { z } from 'zod';

const WAIT_MS_DEFAULT = 25_000;
const WAIT_MS_MAX = 300_000;
/** Twice what an account can have by its usual number of volumes, each with one intent. */
const PENDING_MAX_DEFAULT = 40_000;

/** @throws ConfigError naming everything that is wrong. */
export function readApiConfig(environment: Environment) {
  return readConfig(
    {
      ...commonVariables('api'),
      apiPort: variable('PLUMBLINE_API_PORT', { schema: portText, must: 'a port from 1 to 65535' }),
      dashboardPort: variable('PLUMBLINE_DASHBOARD_PORT', {
        schema: portText,
        must: 'a port from 1 to 65535',
      }),
      dashboardUser: text('PLUMBLINE_DASHBOARD_USER', { must: 'the name of the dashboard’s login' }),
      dashboardPassword: secretFile('PLUMBLINE_DASHBOARD_PASSWORD_FILE'),
      opsToken: secretFile('PLUMBLINE_OPS_TOKEN_FILE'),
      /** Null: links are built from what each client used. */
      publicUrl: optional('PLUMBLINE_PUBLIC_URL', {
        schema: z.url({ protocol: /^https?$/ }),
        must: 'the address that clients use, beginning with http:// or https://',
      }),
      /** How long a request waits for its commit. */
      waitMs: wholeNumber('PLUMBLINE_WAIT_MS', { min: 1, max: WAIT_MS_MAX, otherwise: WAIT_MS_DEFAULT }),
      /** Unsettled intents of one account, about; one more is answered 429. */
      pendingMax: wholeNumber('PLUMBLINE_PENDING_MAX', {
        min: 1,
        max: 1_000_000,
        otherwise: PENDING_MAX_DEFAULT,
      }),
    },
    environment,
  );
}

export type ApiConfig = ReturnType<typeof readApiConfig>;
