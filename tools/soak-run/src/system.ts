import { chmodSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ApiClient, startStack, type Progress, type RunningStack } from '@plumbline/stack';
import { Proxy } from '@plumbline/testing';
import type { Account } from './load/clients.js';
import { Supervisor } from './nemesis/supervisor.js';
import { World, type ProxiedPart } from './nemesis/world.js';

const WORKERS = { 'ceph-worker': 2 };
const APPS = ['api', 'ceph-worker-1', 'ceph-worker-2', 'qemu-worker', 'billing-worker-1', 'scrubber-1'];
/** The scrubber looks again and again, also while all goes on: nothing that it reports may outlast a rest. */
const SCRUB_EVERY_MS = 4_000;
/** What a VM has lost comes back at the end of a pass, which must fit into a rest with all volumes that there ever were. */
const SCRUB_PER_SECOND = 200;
/** VMs die far more often here than anybody would repair by himself for. */
const REPAIRS_PER_HOUR = 10_000;
/** So small that its clients meet the limit all the time. */
const SMALL = { volumes: 6, gib: 12 };

type Proxies = Readonly<Partial<Record<ProxiedPart, Proxy>>>;

/** A whole system of the soak's own, whose processes reach Consul, Redis and PostgreSQL through proxies. */
export class System {
  private constructor(
    readonly stack: RunningStack,
    readonly world: World,
    readonly accounts: readonly Account[],
    readonly apps: readonly string[],
    private readonly supervisor: Supervisor,
    private readonly proxies: ReadonlyMap<string, Proxies>,
  ) {}

  /** On a Ceph with disks: what was written must still be there when its OSD was killed. */
  static async start(progress: Progress): Promise<System> {
    const data = mkdtempSync(join(tmpdir(), 'plumbline-soak-'));
    chmodSync(data, 0o755); // PostgreSQL runs as a user of its own and has to get in.
    const wish = { ephemeral: false, data, workers: WORKERS, progress };
    let stack = await startStack({ ...wish, apps: false });
    try {
      const partNames = Object.keys(stack.stack.state.processes);
      const proxies = new Map<string, Proxies>();
      for (const name of APPS) proxies.set(name, await detour(stack, name));
      stack = await startStack(wish);
      const accounts = await makeAccounts(stack);
      const supervisor = new Supervisor(stack, [...partNames, ...APPS]);
      const world = new World(stack, supervisor, proxies, APPS, partNames);
      return new System(stack, world, accounts, APPS, supervisor, proxies);
    } catch (error) {
      await stack.purge();
      throw error;
    }
  }

  /** How often each process had to be started again. */
  get restarts(): ReadonlyMap<string, number> {
    return this.supervisor.started;
  }

  variable(name: string): string {
    return this.stack.env[name] ?? '';
  }

  /** Addresses of the api, and of its second process while there is one. */
  apis(): readonly string[] {
    const twin = this.stack.stack.state.processes['api~twin'];
    const usual = this.variable('PLUMBLINE_URL');
    return twin !== undefined && this.stack.isAlive('api~twin')
      ? [usual, `http://127.0.0.1:${twin.port}`]
      : [usual];
  }

  get vms(): readonly { readonly n: number; readonly name: string; readonly monitor: string }[] {
    return [
      {
        n: Number(this.variable('PLUMBLINE_VM')),
        name: 'vm-1',
        monitor: this.variable('PLUMBLINE_VM_TOOLS'),
      },
      {
        n: Number(this.variable('PLUMBLINE_VM_2')),
        name: 'vm-2',
        monitor: this.variable('PLUMBLINE_VM_2_TOOLS'),
      },
    ];
  }

  /** Nothing of it is left, unless it is kept to be looked at. */
  async end({ keep }: { keep: boolean }): Promise<void> {
    await this.supervisor.end();
    if (!keep) await this.stack.purge();
    for (const of of this.proxies.values()) for (const proxy of Object.values(of)) await proxy.close();
  }
}

/** Puts proxies between a process and its parts, and a clock of its own into it, from its next start on. */
async function detour(stack: RunningStack, name: string): Promise<Proxies> {
  const { layout } = stack.stack;
  const usesPostgres = name.startsWith('billing-worker') || name.startsWith('scrubber');
  const secret = name.startsWith('scrubber') ? 'database-url-reader' : 'database-url';
  const database = readFileSync(join(layout.secrets, secret), 'utf8').trim();
  const consul = await Proxy.before(stack.env['CONSUL_HTTP_ADDR'] ?? '');
  const redis = await Proxy.before(stack.env['REDIS_URL'] ?? '');
  const postgres = usesPostgres ? await Proxy.before(database) : undefined;
  const environment: Record<string, string> = {
    CONSUL_HTTP_ADDR: consul.url,
    REDIS_URL: redis.url,
    NODE_OPTIONS: `--import=${pathToFileURL(join(import.meta.dirname, 'wall-clock.js')).href}`,
    SOAK_CLOCK_FILE: join(layout.run, `clock-${name}`),
    PLUMBLINE_SCRUB_EVERY_MS: String(SCRUB_EVERY_MS),
    PLUMBLINE_SCRUB_PER_SECOND: String(SCRUB_PER_SECOND),
    PLUMBLINE_REPAIRS_PER_HOUR: String(REPAIRS_PER_HOUR),
  };
  if (postgres !== undefined) {
    const file = join(layout.secrets, `${name}-database-url`);
    writeFileSync(file, `${postgres.url}\n`, { mode: 0o600 });
    environment['DATABASE_URL_FILE'] = file;
  }
  stack.override(name, environment);
  return { consul, redis, ...(postgres === undefined ? {} : { postgres }) };
}

/** The stack's own account, whose the VMs are; one without any; and one with a small quota. */
async function makeAccounts(stack: RunningStack): Promise<Account[]> {
  const { env } = stack;
  const vms = [Number(env['PLUMBLINE_VM']), Number(env['PLUMBLINE_VM_2'])];
  const demo = {
    id: stack.stack.state.account ?? '',
    name: 'demo',
    token: env['PLUMBLINE_TOKEN'] ?? '',
    vms,
  };
  const ops = new ApiClient(env['PLUMBLINE_OPS_URL'] ?? '', env['PLUMBLINE_OPS_TOKEN'] ?? '');
  const make = async (name: string, limits?: object): Promise<Account> => {
    const body = { name, email: `${name}@plumbline.invalid`, ...(limits ? { limits } : {}) };
    const { account } = await ops.ask<{ account: { id: string } }>('POST', '/ops/v1/accounts', body);
    const path = `/ops/v1/accounts/${account.id}/tokens`;
    const { secret } = await ops.ask<{ secret: string }>('POST', path, { name: 'soak' });
    return { id: account.id, name, token: secret, vms: [] };
  };
  return [demo, await make('other'), await make('small', SMALL)];
}
