import { RetryBudget } from '@plumbline/domain';
import type { Backend, Fence, QueueName, Source, SourceClient, Step } from '@plumbline/domain';
import { advance } from '@plumbline/engine';
import type { BootsKnown, StepPolicy, WorkerContext } from '@plumbline/engine';
import { Outages, QueueModule, ThrottleKeeper, laneProcessor, lookProcessor } from '@plumbline/queue';
import type { JobProcessor } from '@plumbline/queue';
import { nestLogger } from '@plumbline/platform';
import type { ConfigOf, workerVariables } from '@plumbline/platform';
import { Throttles } from '@plumbline/registry';
import { NestFactory } from '@nestjs/core';
import type { RewindSense } from '@plumbline/registry';
import { NO_FENCE } from './boots.js';
import { engineContext } from './engine-context.js';
import type { Process } from './process.js';

export type WorkerConfig = ConfigOf<ReturnType<typeof workerVariables>>;

function stepPolicyOf(config: WorkerConfig): StepPolicy {
  return {
    deadlineMs: config.callDeadlineMs,
    triesMax: config.triesMax,
    backoffBaseMs: config.retryBaseMs,
    backoffCapMs: config.retryCapMs,
  };
}

/** A worker of a source that changes things: takes lanes from its queue, answers looks, and stops while the source is down. */
export async function startLaneWorker(
  process: Process,
  by: {
    readonly queue: QueueName;
    readonly lookQueue: QueueName;
    readonly client: SourceClient<Backend>;
    readonly config: WorkerConfig;
    readonly boots: BootsKnown;
    readonly rewinds: RewindSense;
    /** For workers of the queue where clients are fenced. */
    readonly fence?: Fence;
  },
): Promise<void> {
  const { client, config, queue, fence = NO_FENCE } = by;
  const { log, metrics, redis } = process;
  const busy: WorkerContext['busy'] = new Map();
  const partOf = (step: Step) => client.partOf?.(step) ?? null;
  let stopping = false;
  const context: WorkerContext = {
    ...engineContext(process),
    boots: by.boots,
    queue,
    busy,
    backends: client.facets,
    policy: stepPolicyOf(config),
    catchUp: (signal) => client.catchUp(signal),
    fence: (address, signal) => fence.fence(address, signal),
    outages: {
      waitMs: (step) => outages.waitMs(partOf(step)),
      isAway: (step) => outages.isAway(partOf(step)),
      report: (step, error) => outages.report(error, partOf(step)),
    },
    stopping: () => stopping,
    halted: () => process.registry.halts.known !== null,
    sure: () => by.rewinds.sure(),
    revFloor: () => process.registry.halts.revFloor,
    retries: new RetryBudget(),
  };
  const lanes = laneProcessor({
    queue,
    by: process.config.name,
    concurrency: config.concurrency,
    ratePerSecond: config.ratePerSecond,
    log,
    metrics,
    bell: process.bell,
    handle: async ({ resource, account }) => (await advance(context, resource, account)) ?? undefined,
  });
  const outages: Outages = new Outages({
    source: client.name,
    failuresMax: config.outageFailures,
    ping: (signal) => client.ping(signal),
    gate: lanes,
    log,
    metrics,
  });
  process.readiness.check(client.name, (signal) => client.ping(signal));
  process.mayLeave(() => busy.size === 0);
  process.shutdown.atEnd('source', () => {
    outages.close();
    return client.close();
  });
  await startProcessors(process, [lanes, looksOf(process, by.lookQueue, client)]);
  await keepThrottle(process, { processor: lanes, configured: config, outages });
  process.shutdown.atEnd('turns', () => {
    stopping = true;
  });
  log.info(
    { queue, concurrency: config.concurrency, boot: context.boots.self, redis: redis.client.status },
    'worker is ready',
  );
}

export function looksOf(
  { config, redis, log, metrics }: Process,
  queue: QueueName,
  client: Pick<SourceClient<Source>, 'facets' | 'ping'>,
): JobProcessor {
  const ping = (signal: AbortSignal) => client.ping(signal);
  return lookProcessor({ queue, by: config.name, sources: client.facets, ping, redis, log, metrics });
}

/** Takes jobs from now on; at the end waits for those under way. */
export async function startProcessors(process: Process, processors: readonly JobProcessor[]): Promise<void> {
  const module = QueueModule.register({ redisUrl: process.config.redisUrl, processors });
  const nest = await NestFactory.createApplicationContext(module, { logger: nestLogger(process.log) });
  process.shutdown.atEnd('jobs', () => nest.close());
}

/** From now on the queue is throttled as operators say, beginning with what they have said before. */
export async function keepThrottle(
  { config, registry, redis, log, metrics, shutdown }: Process,
  by: {
    readonly processor: JobProcessor;
    readonly configured: { readonly concurrency: number; readonly ratePerSecond: number };
    readonly outages: Outages;
  },
): Promise<void> {
  const keeper = new ThrottleKeeper({
    ...by,
    store: new Throttles(registry),
    breakers: () => by.outages.shown(),
    redis,
    boot: registry.boots.boot,
    name: config.name,
    now: () => registry.boots.registryNow(),
    log,
    metrics,
  });
  shutdown.atEnd('throttle', () => keeper.close());
  await keeper.start();
}
