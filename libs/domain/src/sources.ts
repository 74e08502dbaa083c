import type { HostName } from './ids.js';
import type { Region } from './records.js';

/**
 * The table of sources that have a worker. `perHost`: one worker and one queue for each hypervisor host, because the
 * source is reached through sockets of that host.
 */
export const SOURCES = {
  ceph: { perHost: false },
  qemu: { perHost: true },
  billing: { perHost: false },
} as const;

/** The registry has no worker: what is asked of it every process asks itself, and work on it alone is rung at home. */
export type SourceName = keyof typeof SOURCES | 'registry';

/** A worker's queue: `ceph`, `qemu-<host>`, `billing`. */
export type QueueName = string;

/** Where work is rung that belongs to no particular source, such as an intent whose plan is its commit alone. */
export const HOME_QUEUE: QueueName = 'ceph';

/** Where RADOS clients are fenced: by whoever has a client of that cluster itself. */
export const FENCE_QUEUE: QueueName = 'ceph';

export function queueOf(source: SourceName, host?: HostName): QueueName {
  if (source === 'registry') return HOME_QUEUE;
  if (!SOURCES[source].perHost) return source;
  if (host === undefined) throw new TypeError(`a step of ${source} must name its host`);
  return `${source}-${host}`;
}

/** Every queue of work that these regions have. */
export function workQueuesOf(regions: readonly Region[]): readonly QueueName[] {
  return queuesOf(regions, queueOf);
}

/** Every queue of looks that these regions have. */
export function lookQueuesOf(regions: readonly Region[]): readonly QueueName[] {
  return queuesOf(regions, lookQueueOf);
}

function queuesOf(regions: readonly Region[], nameOf: typeof queueOf): readonly QueueName[] {
  const hosts = regions.flatMap((region) => region.hosts);
  return (Object.keys(SOURCES) as (keyof typeof SOURCES)[]).flatMap((source) =>
    SOURCES[source].perHost ? hosts.map((host) => nameOf(source, host)) : [nameOf(source)],
  );
}

/** Looks have queues of their own, which are never throttled or paused: an operator's question must not wait for work. */
export function lookQueueOf(source: SourceName, host?: HostName): QueueName {
  return `looks-${queueOf(source, host)}`;
}
