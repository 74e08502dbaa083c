import { connectBilling } from '@plumbline/billing-adapter';
import type { BillingClient } from '@plumbline/billing-adapter';
import { lookQueueOf, queueOf } from '@plumbline/domain';
import { Outages, drainProcessor } from '@plumbline/queue';
import { BARE, keepThrottle, looksOf, startProcess, startProcessors, watchRewinds } from '@plumbline/worker';
import type { Instrument } from '@plumbline/worker';
import { APP } from './config.js';
import type { BillingWorkerConfig } from './config.js';
import { drain } from './drain.js';

/** The worker that tells billing what is owed to it. It goes on until its process ends. */
export async function runBillingWorker(
  config: BillingWorkerConfig,
  instrument: Instrument<BillingClient> = BARE,
): Promise<void> {
  const self = instrument.process(await startProcess({ app: APP, config, host: null }));
  const { log, metrics, readiness, shutdown } = self;
  const queue = queueOf('billing');
  const client = instrument.client(
    await connectBilling({
      url: config.databaseUrl,
      poolSize: config.concurrency,
      deadlines: { connectMs: config.callDeadlineMs, statementMs: config.callDeadlineMs },
    }),
  );
  shutdown.atEnd('source', () => client.close());
  let migrated = false;
  /** PostgreSQL may be away at the start: nothing waits for it but what is owed to it, and its own witness. */
  const migrateOnce = async (): Promise<void> => {
    if (!migrated) await client.migrate();
    migrated = true;
  };
  /** Its own answers tell whether PostgreSQL is away; the registry's troubles say nothing about it. */
  const told = async <Answer>(call: () => Promise<Answer>): Promise<Answer> => {
    try {
      const answer = await call();
      outages.report(null);
      return answer;
    } catch (error) {
      outages.report(error);
      throw error;
    }
  };

  const work = drainProcessor({
    queue,
    by: config.name,
    ratePerSecond: config.ratePerSecond,
    log,
    metrics,
    async handle() {
      if (!migrated) await told(migrateOnce);
      await drain(self, queue, (facts) => told(() => client.record(facts)));
    },
  });
  const outages: Outages = new Outages({
    source: client.name,
    failuresMax: config.outageFailures,
    ping: (signal) => client.ping(signal),
    gate: work,
    log,
    metrics,
  });
  shutdown.atEnd('outages of the source', () => outages.close());
  readiness.check('postgres', (signal) => client.ping(signal));
  await startProcessors(self, [work, looksOf(self, lookQueueOf('billing'), client)]);
  await keepThrottle(self, { processor: work, configured: { ...config, concurrency: 1 }, outages });
  self.bell.drain(queue);
  const witness = client.witnessOf(config.registryPrefix);
  await watchRewinds(self, {
    role: 'keeps',
    witness: {
      name: witness.name,
      read: async (signal) => {
        await migrateOnce();
        return await witness.read(signal);
      },
      replace: (testimony, signal) => witness.replace(testimony, signal),
    },
  });
  log.info({ queue, boot: self.registry.boots.boot }, 'worker is ready');
}
