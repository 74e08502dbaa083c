import type { Process } from './process.js';

/**
 * What stands between a worker and its ports, to watch them or to fail them. Production puts nothing there: it is for
 * whoever starts a worker in order to see what becomes of it.
 */
export interface Instrument<Client> {
  process(process: Process): Process;
  client(client: Client): Client;
}

/** Nothing in between. */
export const BARE = {
  process: (process: Process): Process => process,
  client: <Client>(client: Client): Client => client,
};
