import { Counter, Gauge, Registry } from 'prom-client';

export { Counter, Gauge };
export type Metrics = Registry;

/**
 * A registry with what is cheap to know about a process, read only when asked for. The client's own defaults sample the
 * event loop by a timer and observe every garbage collection, which a process at rest should not pay for.
 */
export function createMetrics({ app, name }: { app: string; name: string }): Metrics {
  const metrics = new Registry();
  metrics.setDefaultLabels({ app, process: name });
  const gauge = (metric: string, help: string, read: () => number) => {
    new Gauge({
      name: metric,
      help,
      registers: [metrics],
      collect() {
        this.set(read());
      },
    });
  };
  const startedAt = Date.now() / 1000 - process.uptime();
  new Counter({
    name: 'process_cpu_seconds_total',
    help: 'User and system CPU time spent.',
    registers: [metrics],
    collect() {
      this.reset();
      this.inc(cpuSeconds());
    },
  });
  gauge('process_resident_memory_bytes', 'Resident memory size.', () => process.memoryUsage.rss());
  gauge('process_start_time_seconds', 'Start of the process since the epoch.', () => startedAt);
  gauge('nodejs_heap_used_bytes', 'Heap in use.', () => process.memoryUsage().heapUsed);
  gauge('nodejs_event_loop_utilization', 'Busy share of the event loop since the last reading.', loopUse());
  return metrics;
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

function loopUse(): () => number {
  let last = performance.eventLoopUtilization();
  return () => {
    const now = performance.eventLoopUtilization();
    const since = performance.eventLoopUtilization(now, last);
    last = now;
    return since.utilization;
  };
}
