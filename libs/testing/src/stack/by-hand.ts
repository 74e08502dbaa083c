import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { imageNameOf, nodeNameOf, parseVolumeId } from '@plumbline/domain';
import type { System } from './system.js';

const run = promisify(execFile);
const COMMAND_MS = 60_000;
const GONE_MS = 60_000;

/** What the stack's package knows of the parts' own tools; handed in, because a library must not depend on a tool. */
export interface HandTools {
  readonly askQemu: <T>(monitor: string, command: string, args?: Record<string, unknown>) => Promise<T>;
  readonly execute: (databaseUrl: string, sql: string) => Promise<string>;
  readonly imageInfo: (conf: string, pool: string, image: string) => Promise<{ id: string } | undefined>;
  readonly trashEntries: (conf: string, pool: string) => Promise<readonly { id: string; name: string }[]>;
  readonly restoreFromTrash: (conf: string, pool: string, name: string) => Promise<void>;
  readonly waitFor: (
    check: () => Promise<boolean>,
    options: { what: string; deadlineMs?: number },
  ) => Promise<unknown>;
}

export type VmName = 'VM' | 'VM_2';
export const VM_NAMES: readonly VmName[] = ['VM', 'VM_2'];

/** A person with `rbd`, `psql` and the VMs' second monitors, who changes what the registry knows nothing of. */
export class ByHand {
  constructor(
    readonly system: System,
    private readonly tools: HandTools,
  ) {}

  get pool(): string {
    return this.system.variable('PLUMBLINE_POOL');
  }

  imageOf(volume: string): string {
    return `${this.pool}/${this.nameOf(volume)}`;
  }

  async rbd(...args: string[]): Promise<string> {
    const { stdout } = await run('rbd', ['-c', this.conf, ...args], { timeout: COMMAND_MS });
    return stdout;
  }

  async imageId(volume: string): Promise<string | undefined> {
    return (await this.tools.imageInfo(this.conf, this.pool, this.nameOf(volume)))?.id;
  }

  async isInTrash(volume: string): Promise<boolean> {
    const entries = await this.tools.trashEntries(this.conf, this.pool);
    return entries.some(({ name }) => name === this.nameOf(volume));
  }

  async removeFromTrash(volume: string): Promise<void> {
    const entries = await this.tools.trashEntries(this.conf, this.pool);
    const id = entries.find(({ name }) => name === this.nameOf(volume))?.id;
    await this.rbd('trash', 'rm', '--no-progress', '--force', `${this.pool}/${id}`);
  }

  restoreFromTrash(volume: string): Promise<void> {
    return this.tools.restoreFromTrash(this.conf, this.pool, this.nameOf(volume));
  }

  /** Changes one row, by a statement of our own making. @throws when it was not one */
  async sql(statement: string): Promise<void> {
    const said = await this.tools.execute(this.system.variable('DATABASE_URL'), statement);
    if (!/^(INSERT 0|UPDATE|DELETE) 1$/.test(said)) throw new Error(`${statement}: ${said}`);
  }

  async valueOf(key: string): Promise<unknown> {
    return (await this.system.registry(key)).get(key)?.value;
  }

  /** As with `consul kv put`, and where nothing is given `delete`. */
  async put(key: string, value: string | null): Promise<void> {
    await this.write(key, value, '');
  }

  /** Whoever else writes it at the same time comes first: then it is changed once more. */
  async edit<T>(key: string, change: (value: T) => T): Promise<void> {
    const isWritten = async () => {
      const entry = (await this.system.registry(key)).get(key);
      if (entry === undefined) throw new Error(`the registry has no ${key}`);
      return await this.write(key, JSON.stringify(change(entry.value as T)), `?cas=${entry.index}`);
    };
    await this.tools.waitFor(isWritten, { what: `${key} to be written` });
  }

  private async write(key: string, value: string | null, query: string): Promise<boolean> {
    const url = `${this.system.variable('CONSUL_HTTP_ADDR')}/v1/kv/plumbline/${key}${query}`;
    const answer = await fetch(url, value === null ? { method: 'DELETE' } : { method: 'PUT', body: value });
    return (await answer.text()) === 'true';
  }

  vmId(vm: VmName): number {
    return Number(this.system.variable(`PLUMBLINE_${vm}`));
  }

  /** The VM that the record names. */
  async vmOf(volume: string): Promise<VmName> {
    const { droplet_ids: ids } = await this.system.volume(volume);
    const vm = VM_NAMES.find((name) => ids.includes(this.vmId(name)));
    if (vm === undefined) throw new Error(`${volume} is attached to no VM`);
    return vm;
  }

  qmp<T>(vm: VmName, command: string, args: Record<string, unknown> = {}): Promise<T> {
    return this.tools.askQemu<T>(this.system.variable(`PLUMBLINE_${vm}_TOOLS`), command, args);
  }

  /** As the product does it, but for nobody. */
  async plugIn(vm: VmName, volume: string, image: string): Promise<void> {
    await this.openNode(vm, volume, image);
    await this.addDevice(vm, volume);
  }

  /** @param more of the node's options, such as a size of its own, which nothing can change then */
  async openNode(
    vm: VmName,
    volume: string,
    image: string,
    more: Readonly<Record<string, unknown>> = {},
  ): Promise<void> {
    const file = { driver: 'rbd', pool: this.pool, image, conf: this.conf, user: 'plumbline-vm' };
    await this.qmp(vm, 'blockdev-add', { driver: 'raw', 'node-name': this.nodeOf(volume), file, ...more });
  }

  async addDevice(vm: VmName, volume: string, drive = this.nodeOf(volume)): Promise<void> {
    await this.qmp(vm, 'device_add', { driver: 'scsi-hd', bus: 'scsi0.0', id: this.nodeOf(volume), drive });
  }

  async unplug(vm: VmName, volume: string): Promise<void> {
    await this.qmp(vm, 'device_del', { id: this.nodeOf(volume) });
    const isGone = async () => !(await this.drivesOf(vm)).includes(this.nodeOf(volume));
    await this.tools.waitFor(isGone, { what: `the disk of ${volume} to be gone`, deadlineMs: GONE_MS });
  }

  async closeNode(vm: VmName, volume: string): Promise<void> {
    await this.qmp(vm, 'blockdev-del', { 'node-name': this.nodeOf(volume) });
  }

  /** The nodes that a guest has a disk on. */
  async drivesOf(vm: VmName): Promise<readonly string[]> {
    const blocks = await this.qmp<{ inserted?: { 'node-name'?: string } }[]>(vm, 'query-block');
    return blocks.flatMap(({ inserted }) => inserted?.['node-name'] ?? []);
  }

  async hasDisk(vm: VmName, volume: string): Promise<boolean> {
    return (await this.drivesOf(vm)).includes(this.nodeOf(volume));
  }

  nodeOf(volume: string): string {
    return nodeNameOf(idOf(volume));
  }

  nameOf(volume: string): string {
    return imageNameOf(idOf(volume));
  }

  private get conf(): string {
    return this.system.variable('CEPH_CONF');
  }
}

function idOf(volume: string) {
  const id = parseVolumeId(volume);
  if (id === null) throw new Error(`${volume} is no id of a volume`);
  return id;
}
