import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { lookQueueOf, lookQueuesOf, workQueuesOf } from '@plumbline/domain';
import type { Region, SourceName } from '@plumbline/domain';
import type { EngineContext } from '@plumbline/engine';
import { intentCatalog } from '@plumbline/intents';
import {
  HALTED,
  Shutdown,
  createLog,
  createMetrics,
  newNonce,
  showHalts,
  startHealth,
} from '@plumbline/platform';
import type { Log } from '@plumbline/platform';
import { Bell, Listener, Looks, QueueWatch, RedisConnection, Waiters, openBoard } from '@plumbline/queue';
import { CLOCK_SET_BACK, PendingWork, connectRegistry, createJournal } from '@plumbline/registry';
import type { Registry } from '@plumbline/registry';
import { readApiConfig } from './config.js';
import type { ApiConfig } from './config.js';
import { FACETS } from './facets.js';
import type { Ended } from './intake.js';
import { PendingBound } from './pending-bound.js';
import { ApiReadiness, HALT, REDIS } from './readiness.js';
import { createServer } from './server.js';
import { servicesOf } from './services.js';

/** A pending request is answered when the process ends, so what is under way ends well within this. */
const DRAIN_MS = 8000;
/** As often as the sweep counts. */
const PENDING_LOOK_MS = 5000;
/** A little less than readiness allows. */
const REACH_MS = 800;

async function reach(looks: Looks, source: SourceName): Promise<void> {
  const why = await looks.ping(lookQueueOf(source), REACH_MS);
  if (why !== null) throw new Error(why);
}

async function main(): Promise<void> {
  const config = readApiConfig(process.env);
  const log = createLog({ name: config.name, level: config.logLevel, pretty: config.logPretty });
  const metrics = createMetrics({ app: 'api', name: config.name });
  const readiness = new ApiReadiness();
  const shutdown = new Shutdown({ log });
  shutdown.listen();
  if (config.healthPort !== null) {
    const health = await startHealth(
      { host: config.listenHost, port: config.healthPort },
      { readiness, metrics },
    );
    shutdown.atEnd('health', () => health.close());
  }
  const registry = await openRegistry({ config, log, readiness, shutdown });
  const { kv, layout, halts } = registry;
  showHalts({ halts, log, metrics });
  const redisTarget = { redisUrl: config.redisUrl, name: config.name, log };
  const redis = new RedisConnection(redisTarget);
  const listener = new Listener(redisTarget);
  const bell = new Bell({ redis, log, metrics });
  const looks = new Looks({ redis, listener, log });
  const watch = new QueueWatch(redis, log);
  readiness.checkUseful(HALT, async () => {
    if (halts.known !== null) throw new Error(HALTED);
  });
  readiness.checkUseful(REDIS, () => redis.ping());
  for (const source of ['ceph', 'billing'] as const)
    readiness.checkUseful(source, () => reach(looks, source));
  shutdown.atEnd('redis', async () => {
    await Promise.all([bell.close(), looks.close(), watch.close()]);
    listener.close();
    redis.close();
  });
  const engine = engineOf({ registry, bell, log, regions: config.regions });
  let waiters: Waiters<Ended> | null = null;
  const services = servicesOf({
    kv,
    layout,
    boots: registry.boots,
    halts,
    engine,
    looks,
    watch,
    pending: pendingOf({ registry, config, log, shutdown }),
    waitingWith: (look) => (waiters = new Waiters<Ended>({ listener, log, look })),
    facets: FACETS,
    regions: config.regions,
    opsToken: config.opsToken,
    publicUrl: config.publicUrl,
    waitMs: config.waitMs,
    log,
  });
  const app = await createServer({ services, readiness, metrics, log });
  shutdown.atEnd('http', () => app.close(), DRAIN_MS);
  shutdown.atEnd('waiting requests', () => {
    readiness.stop();
    waiters?.close();
  });
  await app.listen(config.apiPort, config.listenHost);
  const board = await openBoard({
    queues: [...workQueuesOf(config.regions), ...lookQueuesOf(config.regions)],
    host: config.listenHost,
    port: config.dashboardPort,
    user: config.dashboardUser,
    password: config.dashboardPassword,
    redisUrl: config.redisUrl,
    log,
  });
  shutdown.atEnd('dashboard', () => board.close());
  log.info({ port: config.apiPort, dashboardPort: config.dashboardPort }, 'listening');
}

/** Waits for Consul for as long as it takes; meanwhile `/readyz` says what is missing. */
async function openRegistry(by: {
  config: ApiConfig;
  log: Log;
  readiness: ApiReadiness;
  shutdown: Shutdown;
}): Promise<Registry> {
  const { config, log, readiness, shutdown } = by;
  let registry: Registry | null = null;
  readiness.check('consul', async () => {
    if (registry === null) throw new Error('not connected yet');
    await registry.kv.read([registry.layout.tick]);
  });
  const opened = await connectRegistry({
    consulAddr: config.consulUrl,
    prefix: config.registryPrefix,
    boot: { name: config.name, app: 'api', host: null, version: versionOf() },
    onFenced: () => void shutdown.run('this boot was fenced', 1),
    onClockAhead: () => void shutdown.run(CLOCK_SET_BACK, 1),
    onWaiting: (err) => log.warn({ err }, 'waiting for Consul'),
    signal: shutdown.signal,
  });
  registry = opened;
  const { boots } = opened;
  readiness.check('boot', async () => {
    if (!boots.isBeating()) throw new Error('its beats do not reach the registry');
  });
  shutdown.atEnd('registry', () => opened.close());
  return opened;
}

/** Asked for again and again what the sweep counted; when it cannot be told, what is known stands for a while. */
function pendingOf(by: {
  registry: Registry;
  config: ApiConfig;
  log: Log;
  shutdown: Shutdown;
}): PendingBound {
  const { config, log, registry, shutdown } = by;
  const work = new PendingWork(registry);
  const pending = new PendingBound({
    pendingMax: config.pendingMax,
    read: () => work.read(),
    nowMs: () => performance.now(),
  });
  const timer = setInterval(() => {
    pending.look().catch((err: unknown) => log.debug({ err }, 'what waits is not known'));
  }, PENDING_LOOK_MS);
  shutdown.atEnd('pending work', () => clearInterval(timer));
  return pending;
}

function engineOf(by: {
  registry: Registry;
  bell: Bell;
  log: Log;
  regions: readonly Region[];
}): EngineContext {
  const { bell, log, regions, registry } = by;
  const { boots, kv, layout } = registry;
  return {
    journal: createJournal({ kv, layout, nonce: newNonce }),
    rules: { catalog: intentCatalog, regions },
    bell,
    clock: {
      now: () => boots.registryNow(),
      trusted: () => boots.clockTrusted(),
      deadline(ms) {
        const controller = new AbortController();
        const timer = setTimeout(() => controller.abort(), ms);
        return { signal: controller.signal, clear: () => clearTimeout(timer) };
      },
    },
    log,
    uuid: randomUUID,
    nonce: newNonce,
    random: () => Math.random(),
  };
}

function versionOf(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

await main();
