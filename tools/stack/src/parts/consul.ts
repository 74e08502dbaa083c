import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { obtainConsul } from '../obtain/consul.js';
import { ensureProcess, type Started } from '../processes.js';
import { run } from '../run.js';
import { addressOf, type Stack } from '../state.js';

export const consulPorts = ['consul', 'consul-server', 'consul-serf'] as const;

/**
 * It collects its garbage when the heap has become four times as large as what is in use, not twice: each collection goes
 * through the whole registry.
 */
const environment = { GOGC: '300' };

/**
 * One Consul server. Its log is cut often: with Consul's own settings the log file grows for hours and every commit
 * slows down with it.
 */
export async function startConsul(stack: Stack): Promise<Started> {
  const binary = await obtainConsul();
  const version = /v([\d.]+)/.exec(await run(binary, ['version']))?.[1] ?? '?';
  const { ports } = stack.state;
  const folder = join(stack.layout.data, 'consul');
  mkdirSync(folder, { recursive: true });
  const configuration = join(folder, 'config.json');
  writeFileSync(configuration, JSON.stringify(configurationOf(stack, join(folder, 'data')), null, 2));
  return ensureProcess(stack, {
    name: 'consul',
    app: 'consul',
    command: binary,
    args: ['agent', '-config-file', configuration],
    env: environment,
    port: ports['consul']!,
    version,
    ready: () => consulHasLeader(stack),
  });
}

function configurationOf(stack: Stack, dataDir: string): object {
  const { ports } = stack.state;
  const address = addressOf(stack);
  return {
    server: true,
    bootstrap_expect: 1,
    node_name: 'plumbline',
    datacenter: 'plumbline',
    data_dir: dataDir,
    bind_addr: address,
    client_addr: address,
    ports: {
      http: ports['consul'],
      server: ports['consul-server'],
      serf_lan: ports['consul-serf'],
      serf_wan: -1,
      dns: -1,
      grpc: -1,
      https: -1,
    },
    raft_snapshot_threshold: 256,
    raft_snapshot_interval: '10s',
    raft_trailing_logs: 128,
    performance: { raft_multiplier: 1 },
    // Every process of the stack calls from one address; the limit is meant for one client.
    limits: { http_max_conns_per_client: 2000 },
    disable_update_check: true,
    log_level: 'warn',
  };
}

const askMs = 1_000;

/** A write needs a leader that has caught up, so a consistent read is the test. */
export async function consulHasLeader(stack: Stack): Promise<boolean> {
  const url = `http://${addressOf(stack)}:${stack.state.ports['consul']!}/v1/kv/plumbline-ready?consistent`;
  const answer = await fetch(url, { signal: AbortSignal.timeout(askMs) });
  await answer.arrayBuffer();
  return answer.status === 404 || answer.status === 200;
}
