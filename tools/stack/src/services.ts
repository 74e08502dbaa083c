import { cephConf, regions } from './parts/ceph-conf.js';
import { secretFile } from './secrets.js';
import type { Stack } from './state.js';

export interface Service {
  /** The app, and the name of its process, or the beginning of it where there may be several. */
  app: string;
  /** Whether `tools/scale` may ask for more of them. */
  scalable: boolean;
  /** How many run when nobody asked otherwise. */
  count: number;
  /** What it takes of memory before it collects, where that is not as for others. */
  nodeArguments?: readonly string[];
  /** Its ports besides that of its health, by the variable that carries each. */
  ports: Readonly<Record<string, string>>;
  /** What it takes from the environment besides what all take. */
  environment: (stack: Stack) => Record<string, string>;
}

const host = 'host-a';
const threads = (concurrency: number) => ({
  PLUMBLINE_CONCURRENCY: String(concurrency),
  // Hung calls occupy threads; eight more keep beats and look-ups going.
  UV_THREADPOOL_SIZE: String(concurrency + 8),
});

/** All of Plumbline's own services: the one table that stack, compose file and their comparison read. */
export const services: readonly Service[] = [
  {
    app: 'api',
    scalable: false,
    count: 1,
    ports: { PLUMBLINE_API_PORT: 'api', PLUMBLINE_DASHBOARD_PORT: 'dashboard' },
    environment: (stack) => ({
      PLUMBLINE_DASHBOARD_USER: dashboardUser,
      PLUMBLINE_DASHBOARD_PASSWORD_FILE: secretFile(stack, 'dashboard-password'),
      PLUMBLINE_OPS_TOKEN_FILE: secretFile(stack, 'ops-token'),
      PLUMBLINE_WAIT_MS: '25000',
    }),
  },
  {
    app: 'ceph-worker',
    scalable: true,
    count: 1,
    ports: {},
    environment: (stack) => ({
      CEPH_CONF: cephConf(stack),
      CEPH_USER: 'client.plumbline-ceph',
      ...threads(16),
      // Twice as many jobs as calls: while one waits for the registry, another has librbd.
      PLUMBLINE_CONCURRENCY: '32',
      CEPH_CALLS_MAX: '16',
      // At each create librbd takes and gives back thousands of small pieces, on many threads at once: a tenth of the
      // worker's time with the C library's allocator.
      LD_PRELOAD: 'libjemalloc.so.2',
      MALLOC_CONF: 'narenas:2',
    }),
  },
  {
    app: 'qemu-worker',
    scalable: false,
    count: 1,
    ports: {},
    environment: (stack) => ({
      PLUMBLINE_HOST: host,
      CEPH_CONF: cephConf(stack),
      CEPH_USER: 'client.plumbline-qemu',
      QEMU_CEPH_USER: 'client.plumbline-vm',
      ...threads(8),
    }),
  },
  {
    app: 'billing-worker',
    scalable: true,
    count: 1,
    ports: {},
    environment: (stack) => ({ DATABASE_URL_FILE: secretFile(stack, 'database-url'), ...threads(4) }),
  },
  {
    app: 'scrubber',
    scalable: true,
    count: 1,
    // A pass makes much and keeps little: collected early, its memory does not grow with the number of volumes.
    nodeArguments: ['--max-semi-space-size=2', '--heap-growing-percent=40'],
    ports: {},
    environment: (stack) => ({
      CEPH_CONF: cephConf(stack),
      CEPH_USER: 'client.plumbline-scrub',
      DATABASE_URL_FILE: secretFile(stack, 'database-url-reader'),
      ...threads(16),
    }),
  },
];

export const dashboardUser = 'operator';
/** Under which all keys of the product stand in Consul. */
export const registryPrefix = 'plumbline/';
export const vmHost = host;

/** The ports of a system whose processes have an address each, as in containers. */
export const usualPorts = {
  redis: 6379,
  consul: 8500,
  'consul-server': 8300,
  'consul-serf': 8301,
  postgres: 5432,
  'ceph-mon': 3300,
  api: 8080,
  dashboard: 8081,
  health: 9090,
} as const;

/** What every service takes. */
export function commonEnvironment(stack: Stack, name: string, healthPort: number): Record<string, string> {
  const { ports } = stack.state;
  return {
    PLUMBLINE_NAME: name,
    PLUMBLINE_LOG_LEVEL: 'info',
    // As many threads as a worker has would each get an arena of their own, and keep what they once took.
    MALLOC_ARENA_MAX: '2',
    PLUMBLINE_HEALTH_PORT: String(healthPort),
    PLUMBLINE_LISTEN_HOST: '127.0.0.1',
    PLUMBLINE_PREFIX: registryPrefix,
    PLUMBLINE_REGIONS: JSON.stringify(regions),
    PLUMBLINE_RUN_DIR: stack.layout.run,
    CONSUL_HTTP_ADDR: `http://127.0.0.1:${ports['consul']!}`,
    REDIS_URL: `redis://127.0.0.1:${ports['redis']!}`,
  };
}

/** Names of the processes of a service: alone it is called like its app, several are numbered. */
export function processNames({ app, scalable }: Service, count: number): string[] {
  return scalable ? Array.from({ length: count }, (_, n) => `${app}-${n + 1}`) : [app];
}

export function countOf(stack: Stack, service: Service): number {
  return stack.state.workers[service.app] ?? service.count;
}

/**
 * Young objects get little room, so that a process at rest keeps little, but enough for what a burst of requests has in
 * flight; what outlives that is collected as soon as the heap has doubled, not when it has grown to four times its size.
 */
export const nodeArguments = ['--max-semi-space-size=8', '--heap-growing-percent=100'];
