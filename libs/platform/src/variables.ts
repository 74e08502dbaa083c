import type { HostName, Region, RegionSlug } from '@plumbline/domain';
import { z } from 'zod';
import { flag, json, optional, portText, text, url, variable, wholeNumber } from './config.js';

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

/** Slugs and hosts become parts of names: of registry keys, pools and queues. */
const NAME = /^[a-z0-9][a-z0-9.-]{0,62}$/;
const slug = z
  .string()
  .regex(NAME)
  .transform((text) => text as RegionSlug);
export const hostName = z
  .string()
  .regex(NAME)
  .transform((text) => text as HostName);

const regions: z.ZodType<readonly Region[]> = z
  .array(
    z.object({
      slug,
      name: z.string().min(1),
      pool: z.string().min(1),
      hosts: z.array(hostName),
    }),
  )
  .min(1)
  .refine((all) => distinct(all.map((region) => region.slug)), 'two regions have the same slug')
  .refine((all) => distinct(all.map((region) => region.pool)), 'two regions share a pool')
  .refine((all) => distinct(all.flatMap((region) => region.hosts)), 'two regions share a host');

/** What every app takes; an app adds its own beside it. */
export function commonVariables(app: string) {
  return {
    name: text('PLUMBLINE_NAME', { must: 'a name for this process', otherwise: app }),
    logLevel: variable('PLUMBLINE_LOG_LEVEL', {
      schema: z.enum(LOG_LEVELS),
      must: `one of ${LOG_LEVELS.join(', ')}`,
      otherwise: 'info',
    }),
    logPretty: flag('PLUMBLINE_LOG_PRETTY'),
    listenHost: text('PLUMBLINE_LISTEN_HOST', { must: 'an address to listen on', otherwise: '127.0.0.1' }),
    /** Null: this process serves no health port of its own. */
    healthPort: optional('PLUMBLINE_HEALTH_PORT', {
      schema: portText,
      must: 'a port from 1 to 65535',
    }),
    registryPrefix: variable('PLUMBLINE_PREFIX', {
      schema: z.string().regex(/^([\w.-]+\/)+$/),
      must: 'a key prefix that ends in a slash, such as plumbline/',
      otherwise: 'plumbline/',
    }),
    regions: json('PLUMBLINE_REGIONS', regions, {
      must: 'JSON like [{"slug":"nyc1","name":"New York 1","pool":"volumes-nyc1","hosts":["host-a"]}], every slug, pool and host once',
    }),
    consulUrl: url('CONSUL_HTTP_ADDR', ['http:', 'https:']),
    redisUrl: url('REDIS_URL', ['redis:', 'rediss:']),
    /** From then on what is to be built on a hypervisor host that is away is not waited for any more. */
    hostGivenUpMs: wholeNumber('PLUMBLINE_HOST_GIVEN_UP_MS', {
      min: 60_000,
      max: 30 * 24 * 3_600_000,
      otherwise: 600_000,
    }),
    runDir: text('PLUMBLINE_RUN_DIR', { must: "a directory for this host's lock files" }),
  };
}

/** What every worker takes besides. */
export function workerVariables() {
  return {
    concurrency: wholeNumber('PLUMBLINE_CONCURRENCY', { min: 1, max: 256, otherwise: 16 }),
    /** Jobs a second over all workers of the queue; nought: as fast as they go. */
    ratePerSecond: wholeNumber('PLUMBLINE_RATE_PER_SECOND', { min: 0, max: 100_000, otherwise: 0 }),
    triesMax: wholeNumber('PLUMBLINE_TRIES_MAX', { min: 1, max: 1000, otherwise: 14 }),
    retryBaseMs: wholeNumber('PLUMBLINE_RETRY_BASE_MS', { min: 1, max: 60_000, otherwise: 200 }),
    retryCapMs: wholeNumber('PLUMBLINE_RETRY_CAP_MS', { min: 1, max: 600_000, otherwise: 8_000 }),
    callDeadlineMs: wholeNumber('PLUMBLINE_CALL_DEADLINE_MS', { min: 100, max: 600_000, otherwise: 10_000 }),
    /** Failures one after the other from which a source counts as down. */
    outageFailures: wholeNumber('PLUMBLINE_OUTAGE_FAILURES', { min: 1, max: 1000, otherwise: 5 }),
  };
}

function distinct(names: readonly string[]): boolean {
  return new Set(names).size === names.length;
}
