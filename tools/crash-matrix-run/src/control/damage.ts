/** Damages as a person does them, with `rbd` and at a VM's second monitor. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { imageNameOf, nodeNameOf, poolOf } from '@plumbline/domain';
import { askQemu, restoreFromTrash } from '@plumbline/stack';
import type { RunningStack } from '@plumbline/stack';
import type { Damage } from '../matrix/damages.js';
import type { Subject } from './subject.js';

const run = promisify(execFile);
const RBD_MS = 30_000;

export class Vandal {
  constructor(private readonly stack: RunningStack) {}

  async damage(damage: Damage, { region, vm, volume }: Pick<Subject, 'vm' | 'volume'> & { region: string }) {
    const conf = this.variable('CEPH_CONF');
    const [pool, image] = [poolOf(region as Parameters<typeof poolOf>[0]), imageNameOf(volume)];
    if (damage === 'image in the trash')
      await run('rbd', ['-c', conf, 'trash', 'mv', `${pool}/${image}`], { timeout: RBD_MS });
    else if (damage === 'image out of the trash') await restoreFromTrash(conf, pool, image);
    else await this.plug({ conf, image, node: nodeNameOf(volume), pool, vm });
  }

  /** As the product does it, but for nobody. */
  private async plug(by: { conf: string; image: string; node: string; pool: string; vm: number }) {
    const { conf, image, node, pool, vm } = by;
    const file = { driver: 'rbd', pool, image, conf, user: 'plumbline-vm' };
    await askQemu(this.monitorOf(vm), 'blockdev-add', { driver: 'raw', 'node-name': node, file });
    const device = { driver: 'scsi-hd', bus: 'scsi0.0', id: node, drive: node };
    await askQemu(this.monitorOf(vm), 'device_add', device);
  }

  private monitorOf(vm: number): string {
    for (const name of ['VM', 'VM_2'])
      if (Number(this.variable(`PLUMBLINE_${name}`)) === vm) return this.variable(`PLUMBLINE_${name}_TOOLS`);
    throw new TypeError(`the stack has no VM ${vm}`);
  }

  private variable(name: string): string {
    const value = this.stack.env[name];
    if (value === undefined) throw new TypeError(`the stack has no ${name}`);
    return value;
  }
}
