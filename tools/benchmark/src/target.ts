import { chmodSync, existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  ApiClient,
  commonEnvironment,
  consulKeys,
  imageNames,
  processNames,
  progressTo,
  services,
  StackError,
  startStack,
  waitFor,
  type Progress,
  type RunningStack,
} from '@plumbline/stack';
import type { NamedProcess } from './measure/processes.js';

const idleMs = 20 * 60_000;
const idleEveryMs = 250;

/** The customer whose volumes are measured: an account of the benchmark's own, so that nobody else's are in the way. */
export interface Customer {
  readonly token: string;
  readonly id: string;
}

/** The system that is measured, and what the benchmark knows of it from outside. */
export class Target {
  private isClosing = false;
  private restarting: Promise<void> = Promise.resolve();

  private constructor(
    readonly stack: RunningStack,
    private readonly isOwn: boolean,
    private readonly unsettledBefore: number,
  ) {}

  /** A stack that runs already, or a fresh one in memory: what others left in a Ceph, or a Consul, slows it down. */
  static async open(folder: string | undefined, progress: Progress): Promise<Target> {
    const data = folder ?? mkdtempSync(join(tmpdir(), 'plumbline-bench-'));
    if (folder === undefined) chmodSync(data, 0o755); // PostgreSQL runs as a user of its own and has to get in.
    const ephemeral = folder === undefined || isThrowAway(folder);
    // What starts again later is measured, and told, by who starts it.
    let starting = true;
    const silent = progressTo(() => undefined);
    const whileStarting: Progress = {
      line: (text) => (starting ? progress : silent).line(text),
      phase: (name, work, outcome) => (starting ? progress : silent).phase(name, work, outcome),
    };
    const stack = await startStack({ ephemeral, data, progress: whileStarting });
    starting = false;
    return new Target(stack, folder === undefined, (await unsettled(stack)).length);
  }

  /** What it is starting again at this moment it starts first: a process started behind our back would outlive us. */
  async close(): Promise<void> {
    this.isClosing = true;
    await this.restarting.catch(() => undefined);
    if (this.isOwn) await this.stack.stop();
  }

  /** Starts again what is not running. */
  async restore(): Promise<void> {
    if (this.isClosing) throw new StackError('interrupted');
    this.restarting = this.stack.restore();
    await this.restarting;
  }

  get url(): string {
    return this.variable('PLUMBLINE_URL');
  }
  get consul(): string {
    return this.variable('CONSUL_HTTP_ADDR');
  }
  get region(): string {
    return this.variable('PLUMBLINE_REGION');
  }
  get ceph(): { conf: string; pool: string; user: string } {
    return {
      conf: this.variable('CEPH_CONF'),
      pool: this.variable('PLUMBLINE_POOL'),
      user: 'client.plumbline-ceph',
    };
  }

  /** Plumbline's own processes, by name. */
  get appNames(): string[] {
    const { state } = this.stack.stack;
    return services.flatMap((service) => processNames(service, state.workers[service.app] ?? service.count));
  }

  /** Every process whose work counts: not the virtual machines, which run whether somebody asks for volumes or not. */
  get processes(): NamedProcess[] {
    const parts = ['consul', 'redis', 'postgres', 'ceph-osd', 'ceph-mon', 'ceph-mgr'];
    return [...this.appNames, ...parts].map((name) => ({ name, pid: this.stack.process(name).pid }));
  }

  async newCustomer(): Promise<Customer> {
    const ops = new ApiClient(this.variable('PLUMBLINE_OPS_URL'), this.variable('PLUMBLINE_OPS_TOKEN'));
    const name = `bench-${randomUUID()}`;
    const limits = { volumes: 1_000_000, gib: 1_000_000_000 };
    const wanted = { name, email: `${name}@plumbline.invalid`, limits };
    const { account } = await ops.ask<{ account: { id: string } }>('POST', '/ops/v1/accounts', wanted);
    const path = `/ops/v1/accounts/${account.id}/tokens`;
    const { secret } = await ops.ask<{ secret: string }>('POST', path, { name });
    return { token: secret, id: account.id };
  }

  /** Until every intent is settled and nothing is owed, as Consul itself tells. */
  async idle(): Promise<void> {
    await waitFor(async () => (await unsettled(this.stack)).length <= this.unsettledBefore, {
      what: 'the end of all that was recorded',
      deadlineMs: idleMs,
      everyMs: idleEveryMs,
    });
  }

  /** What a customer asks over HTTP, one request at a time. */
  clientOf({ token }: Pick<Customer, 'token'>): ApiClient {
    return new ApiClient(this.url, token);
  }

  /** The customer whose virtual machine it is that volumes can be attached to. */
  get owner(): { readonly token: string; readonly vm: number } {
    return { token: this.variable('PLUMBLINE_TOKEN'), vm: Number(this.variable('PLUMBLINE_VM')) };
  }

  /** How many lanes have unsettled intents. */
  async laneCount(): Promise<number> {
    return (await consulKeys(this.consul, `${this.prefix}lanes/`)).length;
  }

  /** Everything under a key of Plumbline's, as Consul itself has it. */
  async registryTree<T>(path: string): Promise<readonly T[]> {
    const answer = await fetch(`${this.consul}/v1/kv/${this.prefix}${path}?recurse&consistent`);
    if (answer.status === 404) return [];
    const entries = (await answer.json()) as { Value: string }[];
    return entries.map(({ Value }) => JSON.parse(Buffer.from(Value, 'base64').toString()) as T);
  }

  private get prefix(): string {
    return commonEnvironment(this.stack.stack, 'bench', 0)['PLUMBLINE_PREFIX'] ?? '';
  }

  /** Names of the volumes' images in the pool, as `rbd` itself lists them. */
  async images(): Promise<string[]> {
    const names = await imageNames(this.ceph.conf, this.ceph.pool);
    return names.filter((name) => name.startsWith('volume-'));
  }

  private variable(name: string): string {
    const value = this.stack.env[name];
    if (value === undefined) throw new StackError(`this stack has no ${name}; does it run with the apps?`);
    return value;
  }
}

function isThrowAway(folder: string): boolean {
  const file = join(folder, 'state.json');
  if (!existsSync(file)) throw new StackError(`no stack in ${folder}; start one with ./tools/up --data DIR`);
  return (JSON.parse(readFileSync(file, 'utf8')) as { ephemeral: boolean }).ephemeral;
}

async function unsettled({ env, stack }: RunningStack): Promise<string[]> {
  const prefix = commonEnvironment(stack, 'bench', 0)['PLUMBLINE_PREFIX'] ?? '';
  const consul = env['CONSUL_HTTP_ADDR'] ?? '';
  const [lanes, owed] = await Promise.all(
    ['lanes/', 'owed/'].map((part) => consulKeys(consul, `${prefix}${part}`)),
  );
  return [...(lanes ?? []), ...(owed ?? [])];
}
