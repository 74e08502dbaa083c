import { execFile } from 'node:child_process';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { RunningStack } from '@plumbline/stack';
import { consulKeys, consulValue } from '@plumbline/stack';
import type { Manner, Proxy } from '@plumbline/testing';
import type { Supervisor } from './supervisor.js';

const run = promisify(execFile);
const COMMAND_MS = 30_000;

export type ProxiedPart = 'consul' | 'redis' | 'postgres';

/** What a fault can lay hands on. */
export class World {
  constructor(
    readonly stack: RunningStack,
    readonly supervisor: Supervisor,
    private readonly proxies: ReadonlyMap<string, Readonly<Partial<Record<ProxiedPart, Proxy>>>>,
    readonly apps: readonly string[],
    readonly parts: readonly string[],
  ) {}

  /** Kills, and leaves it down until somebody lets the supervisor at it again. */
  async killAndHold(name: string): Promise<void> {
    this.supervisor.hold(name);
    await this.stack.kill(name);
  }

  appsBehind(part: ProxiedPart): readonly string[] {
    return [...this.proxies].filter(([, proxies]) => proxies[part] !== undefined).map(([name]) => name);
  }

  cut(name: string, part: ProxiedPart, manner: Manner): void {
    this.proxies.get(name)?.[part]?.become(manner);
  }

  async ceph(...args: string[]): Promise<string> {
    const conf = this.stack.env['CEPH_CONF'] ?? '';
    const { stdout } = await run('ceph', ['-c', conf, '--connect-timeout', '10', ...args], {
      timeout: COMMAND_MS,
    });
    return stdout;
  }

  /** Asks the OSD itself, by its own socket. */
  async osd(...args: string[]): Promise<void> {
    const socket = join(this.stack.stack.state.sockets, 'osd.0.asok');
    await run('ceph', ['--admin-daemon', socket, ...args], { timeout: COMMAND_MS });
  }

  async redis(...args: string[]): Promise<void> {
    const { port } = new URL(this.stack.env['REDIS_URL'] ?? '');
    const { stdout } = await run('redis-cli', ['-p', port, ...args], { timeout: COMMAND_MS });
    if (!stdout.startsWith('OK')) throw new Error(`redis-cli ${args.join(' ')}: ${stdout}`);
  }

  get redisFolder(): string {
    return join(this.stack.stack.layout.data, 'redis');
  }

  /** A process with all its children: PostgreSQL serves each client by one of its own. */
  family(name: string): readonly number[] {
    const { pid } = this.stack.process(name);
    const children = readdirSync('/proc').filter((entry) => /^\d+$/.test(entry) && parentOf(entry) === pid);
    return [pid, ...children.map(Number)];
  }

  setClock(name: string, aheadMs: number): void {
    writeFileSync(this.clockFile(name), String(aheadMs));
  }

  clockFile(name: string): string {
    return join(this.stack.stack.layout.run, `clock-${name}`);
  }

  /** The RADOS address of a process, as its boot has noted it. */
  async addressOf(name: string): Promise<string | null> {
    const consul = this.stack.env['CONSUL_HTTP_ADDR'] ?? '';
    for (const key of await consulKeys(consul, 'plumbline/boots/')) {
      const boot = await consulValue<{ name: string; address: string | null }>(consul, key);
      if (boot?.name === name && boot.address !== null) return boot.address;
    }
    return null;
  }

  /** Takes back whatever faults may have left: also of those that could not be ended in order. */
  async healAll(): Promise<void> {
    for (const name of [...this.apps, ...this.parts]) {
      for (const pid of this.stack.isAlive(name) ? this.family(name) : []) signal(pid, 'SIGCONT');
      this.supervisor.release(name);
    }
    for (const name of this.apps) {
      this.setClock(name, 0);
      for (const part of ['consul', 'redis', 'postgres'] as const) this.cut(name, part, 'passing');
    }
    await this.supervisor.allRun();
  }
}

export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function parentOf(pid: string): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return 0;
  }
}
