/**
 * What every process of Plumbline is: a boot in the registry, a log, metrics, a doorbell, an answer to "are you ready",
 * and an orderly end.
 */
import type { HostName, Journal } from '@plumbline/domain';
import {
  HALTED,
  Readiness,
  Shutdown,
  createLog,
  createMetrics,
  newNonce,
  showHalts,
  startHealth,
} from '@plumbline/platform';
import type { ConfigOf, Log, Metrics, commonVariables } from '@plumbline/platform';
import { Bell, RedisConnection } from '@plumbline/queue';
import { CLOCK_SET_BACK, connectRegistry, createJournal } from '@plumbline/registry';
import type { Registry } from '@plumbline/registry';
import { VERSION } from './version.js';

export type CommonConfig = ConfigOf<ReturnType<typeof commonVariables>>;

export interface Process {
  readonly app: string;
  readonly config: CommonConfig;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly readiness: Readiness;
  readonly shutdown: Shutdown;
  readonly registry: Registry;
  readonly journal: Journal;
  readonly redis: RedisConnection;
  readonly bell: Bell;
  /** False while something is still under way in this boot's name: then its keys stay, and others fence it. */
  mayLeave(check: () => boolean): void;
  /** True when nothing is under way in this boot's name. */
  isIdle(): boolean;
  /** Ends the process at once. What it had begun is taken over by others. */
  end(reason: string): void;
}

/**
 * Begins the process's life: waits for Consul for as long as it takes, for Redis not at all.
 * @param by `exit`: how a process leaves that may have native calls open, for which `process.exit` would wait
 */
export async function startProcess(by: {
  app: string;
  config: CommonConfig;
  host: HostName | null;
  exit?: (code: number) => void;
}): Promise<Process> {
  const { app, config, host, exit = (code: number) => process.exit(code) } = by;
  const log = createLog({ name: config.name, level: config.logLevel, pretty: config.logPretty });
  const metrics = createMetrics({ app, name: config.name });
  const readiness = new Readiness();
  const shutdown = new Shutdown({ log, exit });
  shutdown.listen();
  const health = { readiness, metrics };
  if (config.healthPort !== null) {
    const server = await startHealth({ host: config.listenHost, port: config.healthPort }, health);
    shutdown.atEnd('health', () => server.close());
  }
  const end = (reason: string): void => {
    log.fatal({ reason }, 'this boot has to end');
    exit(1);
  };
  const registry = await connectRegistry({
    consulAddr: config.consulUrl,
    prefix: config.registryPrefix,
    boot: { name: config.name, app, host, version: VERSION },
    onFenced: () => end('it was fenced'),
    onClockAhead: () => void shutdown.run(CLOCK_SET_BACK, 1),
    onWaiting: (err) => log.warn({ err }, 'waiting for the registry'),
    signal: shutdown.signal,
  });
  showHalts({ halts: registry.halts, log, metrics });
  await registry.halts.ask();
  readiness.check('halt', async () => {
    if (registry.halts.known !== null) throw new Error(HALTED);
  });
  const checks: (() => boolean)[] = [];
  const isIdle = (): boolean => checks.every((check) => check());
  shutdown.atEnd('registry', async () => {
    if (isIdle()) await registry.close();
    else log.warn({}, 'work is still under way: the boot is left to be fenced');
  });
  readiness.check('consul', async () => {
    await registry.kv.read([registry.layout.tick]);
    if (!registry.boots.isBeating()) throw new Error('this boot’s beats do not land');
    if (!registry.boots.clockTrusted()) throw new Error('Consul does not say what time it is');
  });
  const redis = new RedisConnection({ redisUrl: config.redisUrl, name: config.name, log });
  shutdown.atEnd('redis', () => redis.close());
  const bell = new Bell({ redis, log, metrics });
  shutdown.atEnd('bell', () => bell.close());
  const journal = createJournal({ kv: registry.kv, layout: registry.layout, nonce: newNonce });
  const mayLeave = (check: () => boolean): void => void checks.push(check);
  return {
    app,
    config,
    log,
    metrics,
    readiness,
    shutdown,
    registry,
    journal,
    redis,
    bell,
    mayLeave,
    isIdle,
    end,
  };
}
